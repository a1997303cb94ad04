/** The steps of the app in each module of the suite. Modules that are not named here expect a complete sign-in. */

import type { Environment } from './settings.ts'

export type ModuleSteps = {
  /** The URLs of the app that are opened, one after the other. */
  readonly paths: readonly string[]
  /** Settings that replace those of the plan. */
  readonly environment: Environment
  /** The outcome of the last step, or the code of the error that the app must refuse with. */
  readonly expected: string
}

type Entry = Partial<ModuleSteps>

const refuses = (expected: string): Entry => ({ expected })

const modules: Readonly<Record<string, Entry>> = {
  'oidcc-client-test-invalid-iss': refuses('issuer_mismatch'),
  'oidcc-client-test-invalid-aud': refuses('audience_mismatch'),
  'oidcc-client-test-missing-aud': refuses('audience_mismatch'),
  'oidcc-client-test-missing-iat': refuses('claim_missing'),
  'oidcc-client-test-missing-sub': refuses('claim_missing'),
  'oidcc-client-test-nonce-invalid': refuses('nonce_mismatch'),
  'oidcc-client-test-invalid-sig-rs256': refuses('signature_invalid'),
  'oidcc-client-test-invalid-sig-es256': refuses('signature_invalid'),
  // The library accepts neither ID tokens that are signed with the secret, nor unsigned ones.
  'oidcc-client-test-invalid-sig-hs256': refuses('algorithm_not_allowed'),
  'oidcc-client-test-idtoken-sig-none': refuses('algorithm_not_allowed'),
  'oidcc-client-test-invalid-athash': refuses('hash_mismatch'),
  'oidcc-client-test-missing-athash': refuses('claim_missing'),
  'oidcc-client-test-invalid-chash': refuses('hash_mismatch'),
  'oidcc-client-test-missing-chash': refuses('claim_missing'),
  'oidcc-client-test-userinfo-invalid-sub': refuses('sub_mismatch'),
  'oidcc-client-test-form-post-error': {
    environment: { RESPONSE_MODE: 'form_post', PROMPT: 'none', MAX_AGE: '0' },
    expected: 'login_required',
  },
  'oidcc-client-test-client-secret-basic': { environment: { CLIENT_AUTH_METHOD: 'client_secret_basic' } },
  'oidcc-client-test-userinfo-signed': { environment: { SIGNED_USERINFO: '1' } },
  'oidcc-client-test-request-uri-signed-rs256': {
    environment: { REQUEST_OBJECT: 'reference', REQUEST_OBJECT_ALG: 'RS256' },
  },
  'oidcc-client-test-request-uri-signed-none': {
    environment: { REQUEST_OBJECT: 'reference', REQUEST_OBJECT_ALG: 'none' },
  },
  'oidcc-client-test-discovery-openid-config': { paths: ['/discover'], expected: 'discovered' },
  'oidcc-client-test-discovery-webfinger-acct': { paths: ['/discover'], expected: 'discovered' },
  'oidcc-client-test-discovery-webfinger-url': { paths: ['/discover'], expected: 'discovered' },
  'oidcc-client-test-discovery-jwks-uri-keys': { paths: ['/keys'], expected: 'keys_found' },
  'oidcc-client-test-discovery-issuer-mismatch': refuses('issuer_mismatch'),
  'oidcc-client-test-dynamic-registration': { paths: ['/register'], expected: 'registered' },
  'oidcc-client-test-signing-key-rotation': { paths: ['/start', '/start?again'] },
  'oidcc-client-test-refresh-token': { environment: { REFRESH: '1' } },
  'oidcc-client-test-refresh-token-invalid-issuer': {
    environment: { REFRESH: '1' },
    expected: 'issuer_mismatch',
  },
  'oidcc-client-test-refresh-token-invalid-sub': { environment: { REFRESH: '1' }, expected: 'sub_mismatch' },
}

/** Returns the steps of a module. @param issuer the issuer of the suite, which ends with its alias and a slash. */
export function stepsOf(module: string, issuer: string): ModuleSteps {
  const { paths = ['/start'], expected = 'signed_in', environment = {} } = modules[module] ?? {}
  const resource = resourceOf(module, issuer)
  return {
    paths,
    expected,
    environment: resource ? { ...environment, ISSUER: '', RESOURCE: resource } : environment,
  }
}

/** The suite finds the module that a WebFinger request is for by its alias and name. */
function resourceOf(module: string, issuer: string): string | undefined {
  if (!module.includes('-webfinger-')) return undefined
  const { host, origin, pathname } = new URL(issuer)
  const alias = pathname.split('/').findLast(part => part !== '')
  return module.endsWith('-acct') ? `acct:${alias}.${module}@${host}` : `${origin}/${alias}/${module}`
}

/** Returns the settings for a variant of the suite. Throws if the app does not support it. */
export function settingsOfVariant(variant: Environment): Environment {
  const { response_type, response_mode, client_auth_type, request_type = 'plain_http_request' } = variant
  if (client_auth_type?.includes('tls'))
    throw new Error(`client_auth_type ${client_auth_type} is not supported`)
  const REQUEST_OBJECT = { plain_http_request: 'none', request_object: 'value', request_uri: 'reference' }[
    request_type
  ]
  if (!REQUEST_OBJECT) throw new Error(`request_type ${request_type} is not supported`)
  return {
    REQUEST_OBJECT,
    ...(response_type && { RESPONSE_TYPE: response_type }),
    ...(response_mode === 'form_post' && { RESPONSE_MODE: response_mode }),
    ...(client_auth_type && { CLIENT_AUTH_METHOD: client_auth_type }),
    // Without an identifier, the app registers itself.
    ...(variant.client_registration === 'dynamic_client' && { CLIENT_ID: '', CLIENT_SECRET: '' }),
  }
}
