/** In which point each module of the suite deviates from the specification, and when it ends. */

import { generateKeyPairSync } from 'node:crypto'
import type { Deviation } from '../../client/scripted-op.ts'

export type Script = Deviation & {
  /** The requests after which the module ends: any later one except for keys fails it. Default: `userinfo`. */
  readonly until?: readonly string[]
  /** The ID token of the authorization response, or else of the token response, must end the sign-in. */
  readonly refusedIdToken?: boolean
  /** Requests that fail the module. */
  readonly forbidden?: readonly string[]
}

type Members = Readonly<Record<string, unknown>>

const refused = (script: Script): Script => ({ ...script, refusedIdToken: true })
const changed = (idToken: (claims: Members) => Members): Script => refused({ idToken })
const appended = (name: string) => (claims: Members) => ({ ...claims, [name]: `${claims[name]}1` })
const removed = (name: string) => (claims: Members) => ({ ...claims, [name]: undefined })
/** Only tokens of the authorization endpoint have `c_hash`. */
const ifPresent = (name: string, change: (claims: Members) => Members) => (claims: Members) =>
  claims[name] === undefined ? claims : change(claims)

/** Public keys of other types, which have no `kid` and no `alg`. */
const otherTypes = ['P-256', 'secp256k1']
  .map(namedCurve => keyOf('ec', { namedCurve }))
  .concat(keyOf('ed25519'))

function keyOf(type: string, options = {}): Members {
  const { publicKey } = generateKeyPairSync(type as 'ec', options as { readonly namedCurve: string })
  return { ...publicKey.export({ format: 'jwk' }), use: 'sig' }
}

const only = (alg: string) => (metadata: Members) => ({
  ...metadata,
  id_token_signing_alg_values_supported: [alg],
})

const discovery = '.well-known/openid-configuration'
const webfinger = { issuerSuffix: 'Qw3rTyUi0p', until: [discovery] }
/** The random part of `jwks_uri` is at its end. */
const randomJwksUri = (metadata: Members) => ({ ...metadata, jwks_uri: `${metadata.jwks_uri}AbCdEfGhIj` })

export const scripts: Readonly<Record<string, Script>> = {
  '': {},
  '-invalid-iss': changed(appended('iss')),
  '-invalid-aud': changed(appended('aud')),
  '-missing-aud': changed(removed('aud')),
  '-missing-iat': changed(removed('iat')),
  '-missing-sub': changed(removed('sub')),
  '-nonce-invalid': changed(appended('nonce')),
  '-invalid-athash': changed(ifPresent('at_hash', appended('at_hash'))),
  '-missing-athash': changed(removed('at_hash')),
  '-invalid-chash': changed(ifPresent('c_hash', appended('c_hash'))),
  '-missing-chash': changed(removed('c_hash')),
  '-invalid-sig-rs256': refused({ signature: 'broken', metadata: only('RS256') }),
  '-invalid-sig-es256': refused({ signature: 'broken', alg: 'ES256', metadata: only('ES256') }),
  '-invalid-sig-hs256': refused({ signature: 'secret', metadata: only('HS256') }),
  // The suite ends it as skipped if the app refuses the token.
  '-idtoken-sig-none': refused({ signature: 'none' }),
  '-idtoken-sig-rs256': { metadata: only('RS256') },
  '-kid-absent-single-jwks': { withoutKid: true, otherKeys: otherTypes },
  '-kid-absent-multiple-jwks': { withoutKid: true, otherKeys: 'same_type' },
  '-nonce-unless-code-flow': {},
  '-scope-userinfo-claims': {},
  '-userinfo-bearer-header': {},
  '-client-secret-basic': {},
  '-userinfo-invalid-sub': { userinfo: claims => ({ ...claims, sub: `${claims.sub}invalid` }) },
  '-userinfo-signed': { signedUserinfo: true },
  '-form-post-error': {
    response: ({ state }) => ({
      state,
      error: 'login_required',
      error_description: 'This is a login_required error response',
    }),
    until: ['authorize'],
  },
  '-discovery-openid-config': { until: [discovery] },
  '-discovery-webfinger-acct': webfinger,
  '-discovery-webfinger-url': webfinger,
  '-discovery-jwks-uri-keys': { metadata: randomJwksUri, until: [discovery, 'jwksAbCdEfGhIj'] },
  '-discovery-issuer-mismatch': {
    metadata: metadata => ({ ...metadata, issuer: `${metadata.issuer}INVALID` }),
    forbidden: ['register', 'authorize', 'token', 'userinfo'],
    until: [discovery],
  },
  '-dynamic-registration': { until: ['register'] },
  '-request-uri-signed-rs256': {},
  '-request-uri-signed-none': {},
  '-signing-key-rotation': { rotation: 'at_sign_in', until: ['userinfo', 'userinfo'] },
  '-signing-key-rotation-just-before-signing': { rotation: 'before_signing' },
  '-refresh-token': { refresh: true },
  '-refresh-token-invalid-issuer': { refresh: appended('iss'), forbidden: ['userinfo'] },
  '-refresh-token-invalid-sub': { refresh: appended('sub'), forbidden: ['userinfo'] },
}
