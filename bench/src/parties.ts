/** The clients, the user and the PKCE challenge, which are the same for every server, so that all do the same work. */

export type Party = { readonly client_id: string; readonly client_secret: string }

const secret = 'a-secret-of-the-benchmark'
const party = (client_id: string): Party => ({ client_id, client_secret: secret })

/** `machine…` get their own tokens: an ES256 JWT, an RS256 one, a reference token. */
export const machine = party('machine')
export const machineRs256 = party('machine-rs256')
export const machineReference = party('machine-reference')

/** `web…` have a user: access tokens are ES256 JWTs, or reference tokens. ID tokens use ES256. */
export const web = party('web')
export const webReference = party('web-reference')

export const redirectUri = 'https://app.example/cb'
/** RFC 7636, appendix B. */
export const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
export const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

export const user = { sub: '1', name: 'Alice Liddell' } as const
/**
 * The users of Tessera's codes, in turn, because the server discards codes of a user who has hundreds of pending ones.
 */
export const subjects: readonly string[] = Array.from({ length: 1000 }, (_, index) => `${index + 1}`)
/** The API whose tokens are signed with ES256, and the one with RS256. */
export const api = { audience: 'urn:api', scope: 'api1' } as const
export const apiRs256 = { audience: 'urn:api-rs256', scope: 'api2' } as const
export const userScope = ['api1', 'offline_access', 'openid', 'profile'] as const

/** Seconds, at every server. */
export const lifetimes = { accessToken: 3600, idToken: 300, code: 300, refreshToken: 2_592_000 } as const
