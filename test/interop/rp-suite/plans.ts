/** The plans of the conformance suite for relying parties, as their public source of August 2026 lists them. */

export type Variant = Readonly<Record<string, string>>

/** Modules of one variant of a plan. Their names begin with `oidcc-client-test`. */
export type ModuleList = { readonly variant: Variant; readonly modules: readonly string[] }

const common = [
  '',
  '-invalid-iss',
  '-missing-sub',
  '-invalid-aud',
  '-missing-iat',
  '-kid-absent-single-jwks',
  '-kid-absent-multiple-jwks',
  '-idtoken-sig-rs256',
  '-invalid-sig-rs256',
  '-nonce-invalid',
  '-scope-userinfo-claims',
]
const nonce = '-nonce-unless-code-flow'
const userinfo = '-userinfo-invalid-sub'
const basicAuth = '-client-secret-basic'
const codeHash = ['-invalid-chash', '-missing-chash']
const tokenHash = ['-invalid-athash', '-missing-athash']

const list = (response_type: string, response_mode: string, modules: readonly string[]): ModuleList => ({
  variant: { response_type, response_mode, client_auth_type: 'client_secret_basic' },
  modules,
})

const basic = (mode: string) => [list('code', mode, [...common, '-idtoken-sig-none', userinfo, basicAuth])]

const implicit = (mode: string) => [
  list('id_token', mode, [...common, nonce]),
  list('id_token token', mode, [...common, nonce, ...tokenHash, userinfo]),
]

const hybrid = (mode: string) => [
  list('code id_token', mode, [...common, nonce, ...codeHash, userinfo, basicAuth]),
  list('code token', mode, [...common, nonce, userinfo, basicAuth]),
  list('code id_token token', mode, [...common, nonce, ...codeHash, ...tokenHash, userinfo, basicAuth]),
]

/** The variant of most modules. */
export const code = {
  response_type: 'code',
  response_mode: 'default',
  client_auth_type: 'client_secret_basic',
}
const config = [
  '-discovery-openid-config',
  '-discovery-jwks-uri-keys',
  '-discovery-issuer-mismatch',
  '-idtoken-sig-none',
  '-signing-key-rotation-just-before-signing',
  '-signing-key-rotation',
]

export const plans: Readonly<Record<string, readonly ModuleList[]>> = {
  Basic: basic('default'),
  Implicit: implicit('default'),
  Hybrid: hybrid('default'),
  'Form Post Basic': basic('form_post'),
  'Form Post Implicit': implicit('form_post'),
  'Form Post Hybrid': hybrid('form_post'),
  Config: [{ variant: code, modules: config }],
  Dynamic: [
    {
      variant: { ...code, client_registration: 'dynamic_client', request_type: 'request_uri' },
      modules: [
        '-discovery-webfinger-acct',
        '-discovery-webfinger-url',
        ...config,
        '-dynamic-registration',
        '-request-uri-signed-rs256',
        '-request-uri-signed-none',
        '-userinfo-signed',
      ],
    },
  ],
  'Refresh Token (not certified)': [
    {
      variant: code,
      modules: ['-refresh-token', '-refresh-token-invalid-issuer', '-refresh-token-invalid-sub'],
    },
  ],
  'Client Test (not certified)': [
    {
      variant: { ...code, response_mode: 'form_post' },
      modules: [
        '-form-post-error',
        '-missing-aud',
        '-invalid-sig-hs256',
        '-invalid-sig-es256',
        '-userinfo-bearer-header',
      ],
    },
  ],
}
