// An MCP client and an MCP server of the MCP TypeScript SDK, with nobody in between who knows Ostiary: the server refuses the
// client, which finds the issuer by the protected resource metadata (RFC 9728), registers itself without any token
// (registration.open), sends the person to sign in with PKCE and `resource`, and calls a tool with what it gets.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import express from 'express'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { UnauthorizedError, discoverAuthorizationServerMetadata } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { introduction, Person } from './person.mjs'

const dev = introduction()
const redirectURI = 'http://127.0.0.1:8766/callback'

/** The protected server. It gives resource, its own address, by which tokens for it are known. */
async function serve() {
  const app = express()
  const listener = app.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const resource = new URL(`http://localhost:${listener.address().port}/mcp`)
  const metadata = await discoverAuthorizationServerMetadata(dev.issuer)
  assert.ok(metadata, 'the SDK finds no metadata of the issuer')
  assert.equal(metadata.issuer, dev.issuer)
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))
  const verifier = {
    async verifyAccessToken(token) {
      const { payload } = await jwtVerify(token, keys, { issuer: dev.issuer, audience: resource.href, typ: 'at+jwt' })
        .catch(error => { throw new InvalidTokenError(error.message) })
      return { token, clientId: payload.client_id, scopes: payload.scope.split(' '), expiresAt: payload.exp, resource, extra: { subject: payload.sub } }
    },
  }
  app.use(mcpAuthMetadataRouter({ oauthMetadata: metadata, resourceServerUrl: resource, scopesSupported: ['openid', 'profile', 'offline_access'] }))
  const guard = requireBearerAuth({ verifier, expectedResource: resource, resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(resource) })
  app.post('/mcp', guard, express.json(), async (req, res) => {
    const server = new McpServer({ name: 'whoami', version: '1.0.0' })
    server.registerTool('whoami', { description: 'Tells who calls' }, ({ authInfo }) => ({ content: [{ type: 'text', text: authInfo.extra.subject }] }))
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    await server.connect(transport)
    await transport.handleRequest(req, res, req.body)
  })
  app.get('/mcp', guard, (req, res) => res.status(405).end())
  return { resource, close: () => listener.close() }
}

/** The SDK's OAuthClientProvider, which keeps everything in memory. */
class Provider {
  redirectUrl = redirectURI
  clientMetadata = {
    client_name: 'MCP client', redirect_uris: [redirectURI], grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'], token_endpoint_auth_method: 'none',
  }
  state() { return (this.sent = 'state-of-the-client') }
  clientInformation() { return this.client }
  saveClientInformation(client) { this.client = client }
  tokens() { return this.kept }
  saveTokens(tokens) { this.kept = tokens }
  saveCodeVerifier(verifier) { this.verifier = verifier }
  codeVerifier() { return this.verifier }
  redirectToAuthorization(url) { this.url = url }
}

const { resource, close } = await serve()
try {
  const provider = new Provider()
  const connect = async () => {
    const client = new Client({ name: 'test', version: '1.0.0' })
    const transport = new StreamableHTTPClientTransport(resource, { authProvider: provider })
    return { client, transport, connected: client.connect(transport) }
  }
  const first = await connect()
  await assert.rejects(first.connected, UnauthorizedError)
  assert.ok(provider.client?.client_id, 'the client did not register')
  assert.equal(provider.url.searchParams.get('resource'), resource.href)

  const person = new Person(dev.demo_user)
  const back = await person.visit(provider.url, redirectURI)
  assert.equal(back.searchParams.get('error'), null, back.href)
  assert.deepEqual(person.log, ['login', 'consent'])
  assert.equal(back.searchParams.get('state'), provider.sent)
  assert.equal(back.searchParams.get('iss'), dev.issuer)
  await first.transport.finishAuth(back.searchParams.get('code'))

  const second = await connect()
  await second.connected
  const answer = await second.client.callTool({ name: 'whoami', arguments: {} })
  assert.ok(answer.content[0].text, JSON.stringify(answer))
  console.log('ok a tool was called')

  assert.ok(provider.kept.refresh_token, 'no refresh token')
  const before = provider.kept.access_token
  provider.kept = { ...provider.kept, access_token: 'eyJub3QiOiJvdXJzIn0.e30.AA' } // the server refuses it, the client refreshes
  const third = await connect()
  await third.connected
  assert.equal((await third.client.callTool({ name: 'whoami', arguments: {} })).content[0].text, answer.content[0].text)
  assert.notEqual(provider.kept.access_token, before)
  await third.client.close()
  console.log('ok the tokens were refreshed')
  await second.client.close()
} finally {
  close()
}
