// Signs in with npm openid-client, as its README shows it: discovery, dynamic registration, code flow with PKCE, ID token with
// its signature checked, userinfo, refresh, revocation. Once for each way that clients differ.
import assert from 'node:assert/strict'
import { generateKeyPairSync, webcrypto } from 'node:crypto'
import * as client from 'openid-client'
import { introduction, Person } from './person.mjs'
import { forbidden } from './recorder.mjs'

const dev = introduction()
const redirectURI = 'http://127.0.0.1:8765/callback'
const scope = 'openid profile email offline_access'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'mine', alg: 'ES256', use: 'sig' }
const own = {
  kid: 'mine',
  key: await webcrypto.subtle.importKey('pkcs8', privateKey.export({ format: 'der', type: 'pkcs8' }), { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']),
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const rsaJWK = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'mine', alg: 'PS256', use: 'sig' }
const ownRSA = {
  kid: 'mine',
  key: await webcrypto.subtle.importKey('pkcs8', rsa.privateKey.export({ format: 'der', type: 'pkcs8' }), { name: 'RSA-PSS', hash: 'SHA-256' }, false, ['sign']),
}

const reading = generateKeyPairSync('rsa', { modulusLength: 2048 })
const readingEC = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const reader = async ({ privateKey }, algorithm, usages) =>
  ({ kid: 'reads', key: await webcrypto.subtle.importKey('pkcs8', privateKey.export({ format: 'der', type: 'pkcs8' }), algorithm, false, usages) })
const readerRSA = await reader(reading, { name: 'RSA-OAEP', hash: 'SHA-256' }, ['decrypt'])
const readerEC = await reader(readingEC, { name: 'ECDH', namedCurve: 'P-256' }, ['deriveBits'])
const toEncryptTo = ({ publicKey }) => ({ ...publicKey.export({ format: 'jwk' }), kid: 'reads', use: 'enc' })

const variants = {
  'public client': { metadata: { token_endpoint_auth_method: 'none' }, auth: () => client.None() },
  'secret in the header': { metadata: { token_endpoint_auth_method: 'client_secret_basic' }, auth: () => client.ClientSecretBasic() },
  'secret in the body': { metadata: { token_endpoint_auth_method: 'client_secret_post' }, auth: () => client.ClientSecretPost() },
  'private_key_jwt and PAR': {
    metadata: { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } },
    auth: () => client.PrivateKeyJwt(own), par: true,
  },
  'ID token with ES256': { metadata: { token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256' }, auth: () => client.None(), alg: 'ES256' },
  'ID token with EdDSA': { metadata: { token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'EdDSA' }, auth: () => client.None(), alg: 'EdDSA' },
  'ID token with Ed25519': { metadata: { token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'Ed25519' }, auth: () => client.None(), alg: 'Ed25519' },
  'PS256 everywhere and PAR, as in open banking': {
    metadata: {
      token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'PS256', jwks: { keys: [rsaJWK] },
      id_token_signed_response_alg: 'PS256', userinfo_signed_response_alg: 'PS256',
    },
    auth: () => client.PrivateKeyJwt(ownRSA), par: true, alg: 'PS256',
  },
  'ID token and userinfo encrypted with RSA': {
    metadata: {
      token_endpoint_auth_method: 'none', jwks: { keys: [toEncryptTo(reading)] },
      id_token_encrypted_response_alg: 'RSA-OAEP-256', id_token_encrypted_response_enc: 'A256GCM',
      userinfo_signed_response_alg: 'ES256', userinfo_encrypted_response_alg: 'RSA-OAEP-256',
    },
    auth: () => client.None(), reader: readerRSA,
  },
  'ID token and userinfo encrypted with an elliptic curve': {
    metadata: {
      token_endpoint_auth_method: 'none', jwks: { keys: [jwk, toEncryptTo(readingEC)] }, id_token_signed_response_alg: 'ES256',
      id_token_encrypted_response_alg: 'ECDH-ES+A256KW',
      userinfo_signed_response_alg: 'ES256', userinfo_encrypted_response_alg: 'ECDH-ES', userinfo_encrypted_response_enc: 'A128GCM',
    },
    auth: () => client.None(), reader: readerEC, alg: 'ES256',
  },
  'form_post': { metadata: { token_endpoint_auth_method: 'none' }, auth: () => client.None(), parameters: { response_mode: 'form_post' } },
}

for (const [name, variant] of Object.entries(variants)) {
  try {
    await signIn(name, variant)
    console.log(`ok ${name}`)
  } catch (error) {
    console.error(`FAILED ${name}: ${describe(error)}`)
    process.exitCode = 1
  }
}

async function signIn(name, { metadata, auth, par, parameters, reader, alg = 'RS256' }) {
  const config = await client.dynamicClientRegistration(
    new URL(dev.issuer),
    { client_name: `openid-client, ${name}`, redirect_uris: [redirectURI], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], scope, ...metadata },
    auth(),
    { initialAccessToken: dev.initial_access_token, execute: [client.allowInsecureRequests] }, // http on this machine
  )
  client.enableNonRepudiationChecks(config) // verify the ID token's signature with the published keys
  if (reader) client.enableDecryptingResponses(config, undefined, reader)

  const codeVerifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const nonce = client.randomNonce()
  const request = {
    redirect_uri: redirectURI, scope, state, nonce,
    code_challenge: await client.calculatePKCECodeChallenge(codeVerifier), code_challenge_method: 'S256', ...parameters,
  }
  const url = par ? await client.buildAuthorizationUrlWithPAR(config, request) : client.buildAuthorizationUrl(config, request)
  const person = new Person(dev.demo_user)
  const back = await person.visit(url, redirectURI)
  assert.equal(person.log[0], 'login', `met ${person.log}`)
  assert.ok(person.log.includes('consent'), `met ${person.log}`)

  const tokens = await client.authorizationCodeGrant(config, back, {
    pkceCodeVerifier: codeVerifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true,
  })
  const claims = tokens.claims()
  const header = JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url'))
  assert.equal(header.alg, reader ? metadata.id_token_encrypted_response_alg : alg)
  assert.equal(header.enc, reader && (metadata.id_token_encrypted_response_enc ?? 'A128CBC-HS256'))
  assert.equal(tokens.token_type.toLowerCase(), 'bearer')
  assert.ok(tokens.expiresIn() > 0)
  assert.match(tokens.refresh_token, forbidden['a refresh token']) // the browser's test would know it
  assert.match(tokens.access_token, forbidden['a JWT'])

  const user = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
  assert.ok(user.email || user.name, `userinfo says only ${Object.keys(user)}`)

  const again = await client.refreshTokenGrant(config, tokens.refresh_token)
  assert.notEqual(again.access_token, tokens.access_token)
  assert.equal((await client.fetchUserInfo(config, again.access_token, claims.sub)).sub, claims.sub)

  const last = again.refresh_token ?? tokens.refresh_token
  await client.tokenRevocation(config, last, { token_type_hint: 'refresh_token' })
  await assert.rejects(client.refreshTokenGrant(config, last), { error: 'invalid_grant' })

  const denied = client.buildAuthorizationUrl(config, { ...request, prompt: 'consent' })
  const refused = await new Person(dev.demo_user, { allow: false }).visit(denied, redirectURI)
  await assert.rejects(
    client.authorizationCodeGrant(config, refused, { pkceCodeVerifier: codeVerifier, expectedState: state, expectedNonce: nonce }),
    { error: 'access_denied' },
  )
}

function describe(error) {
  const cause = error.cause ? `\n  cause: ${error.cause.stack ?? JSON.stringify(error.cause)}` : ''
  return `${error.stack}${cause}`
}
