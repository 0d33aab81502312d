// An issuer of others, unmodified: npm oidc-provider, with registration (RFC 7591), its management (RFC 7592) and pushed requests. It
// prints what is needed to register with it on its first line, then serves until it is ended. ISSUER holds how it differs: as JSON,
// settings that oidc-provider itself knows. Its sign-in form takes any name and any password.
import { createServer } from 'node:http'
import { randomBytes } from 'node:crypto'
import Provider from 'oidc-provider'

const { features = {}, ...rest } = JSON.parse(process.env.ISSUER || '{}')
const server = createServer()
await new Promise(listening => server.listen(0, '127.0.0.1', listening))
const issuer = `http://localhost:${server.address().port}`

const provider = new Provider(issuer, {
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  findAccount: (_, accountId) => ({
    accountId,
    claims: () => ({ sub: accountId, name: `Name of ${accountId}`, preferred_username: accountId, email: `${accountId}@example.com`, email_verified: true }),
  }),
  cookies: { keys: [randomBytes(16).toString('hex')] },
  scopes: ['openid', 'offline_access', 'profile', 'email'],
  clientAuthMethods: ['private_key_jwt', 'client_secret_basic', 'client_secret_post'],
  ttl: { AccessToken: 300, AuthorizationCode: 60, Grant: 3600, IdToken: 300, Interaction: 600, RefreshToken: 3600, Session: 3600, InitialAccessToken: 600 },
  features: {
    registration: { enabled: true, initialAccessToken: true, ...features.registration },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: true, ...features.registrationManagement },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  ...rest,
})
for (const event of ['server_error', 'registration_create.error', 'registration_update.error', 'registration_read.error', 'grant.error', 'authorization.error', 'pushed_authorization_request.error']) {
  provider.on(event, (_, error) => console.error(`${event}: ${error.error ?? error.stack}: ${error.error_description ?? ''} ${error.error_detail ?? ''}`))
}
server.on('request', provider.callback())

const ticket = async () => new provider.InitialAccessToken({}).save()
console.log(JSON.stringify({ issuer, tickets: [await ticket(), await ticket(), await ticket()] }))
process.stdin.resume().on('end', () => process.exit(0)) // whoever started it is gone
