/**
 * Defaults of security profiles: the values of keys that a configuration with a profile omits. They are filled in before
 * a schema reads the configuration, so that what is written is told from what is omitted.
 */

import { isJsonObject } from '@tessera/protocol/json'
import {
  fapiAlgorithms,
  includesProfile,
  isCertificateMethod,
  isSecurityProfile,
  permitsGrant,
  type SecurityProfile,
  stricterProfile,
} from '../../model/security-profile.ts'

/** A part of a configuration as it is written; of any type, because no schema has read it. */
type Written = Readonly<Record<string, unknown>>

const profileIn = ({ security_profile: profile }: Written): SecurityProfile | undefined =>
  isSecurityProfile(profile) ? profile : undefined

/** Adds keys that are omitted. */
const filled = (written: Written, defaults: Written): Written => {
  const omitted = Object.entries(defaults).filter(([key]) => written[key] === undefined)
  return omitted.length === 0 ? written : { ...written, ...Object.fromEntries(omitted) }
}

/** Returns a configuration with the defaults of the profiles of the server, of tenants and of clients. */
export function withProfileDefaults(configuration: Written): Written {
  const profile = profileIn(configuration)
  const {
    tenants,
    authorization_requests: requests = {},
    authorization_responses: responses = {},
  } = configuration
  const server = withIssuerDefaults(configuration, profile, profile && { requests, responses })
  return Array.isArray(tenants)
    ? { ...server, tenants: tenants.map(tenant => withTenantDefaults(tenant, server)) }
    : server
}

/** @param server what the tenant inherits from, with its defaults. */
export function withTenantDefaults(tenant: unknown, server: Written): unknown {
  // A tenant that shares the server's issuer has no profile.
  if (!isJsonObject(tenant) || tenant.issuer === undefined) return tenant
  const {
    security_profile: written,
    authorization_requests: requests,
    authorization_responses: responses,
  } = tenant
  if (written === undefined) {
    // The tenant inherits the server's values, which already have the defaults of the profile.
    return withIssuerDefaults(
      tenant,
      profileIn(server),
      { requests, responses, inherits: true },
      server.signature_algorithms,
    )
  }
  const own = profileIn(tenant)
  return withIssuerDefaults(
    tenant,
    own,
    own && {
      requests: requests ?? server.authorization_requests ?? {},
      responses: responses ?? server.authorization_responses ?? {},
    },
    own === undefined ? server.signature_algorithms : undefined,
  )
}

/** Requirements that defaults are added to, unless they are undefined. */
type Requirements = { readonly requests: unknown; readonly responses: unknown; readonly inherits?: true }

/** @param inherited the algorithms of an owner that has none. */
function withIssuerDefaults(
  owner: Written,
  profile: SecurityProfile | undefined,
  base: Requirements | undefined,
  inherited?: unknown,
): Written {
  const { clients, registration, signature_algorithms: algorithms = inherited } = owner
  const read = Array.isArray(clients)
    ? { ...owner, clients: clients.map(client => withClientDefaults(client, profile, algorithms)) }
    : owner
  if (profile === undefined) return read
  return {
    ...read,
    ...(base &&
      !base.inherits &&
      includesProfile(profile, 'fapi2-security') && {
        signature_algorithms: owner.signature_algorithms ?? fapiAlgorithms,
      }),
    ...(base &&
      !base.inherits && {
        client_assertion_audience: owner.client_assertion_audience ?? 'issuer',
      }),
    ...(isJsonObject(base?.requests) && {
      authorization_requests: filled(base.requests, requestDefaults(profile)),
    }),
    ...(isJsonObject(base?.responses) && {
      authorization_responses: filled(base.responses, responseDefaults(profile)),
    }),
    ...(isJsonObject(registration) && { registration: withRegistrationDefaults(registration, profile) }),
  }
}

const requestDefaults = (profile: SecurityProfile): Written => ({
  ...(includesProfile(profile, 'fapi2-security') && { require_pushed: true }),
  ...(includesProfile(profile, 'fapi2-message-signing') && {
    require_signed: true,
    request_object_max_lifetime: hour,
  }),
})

const responseDefaults = (profile: SecurityProfile): Written =>
  includesProfile(profile, 'fapi2-message-signing') ? { require_signed: true } : {}

const hour = 3600

/** Settings of clients that register themselves, which they can't choose. */
const withRegistrationDefaults = (registration: Written, profile: SecurityProfile): Written => {
  const { client_defaults: template = {} } = registration
  return {
    ...filled(registration, {
      allowed_grant_types: registrableGrants.filter(one => permitsGrant(profile, one)),
    }),
    client_defaults:
      isJsonObject(template) && includesProfile(profile, 'fapi2-security')
        ? filled(template, registeredDefaults)
        : template,
  }
}

const registrableGrants: readonly string[] = [
  'authorization_code',
  'refresh_token',
  'implicit',
  'urn:ietf:params:oauth:grant-type:device_code',
]

const registeredDefaults: Written = { authorization_code_lifetime: 60, refresh_token_usage: 'reuse' }

/**
 * Returns a client with the defaults of its profile, and with the profile itself.
 * @param ofIssuer the profile of the server or tenant.
 * @param algorithms its `signature_algorithms`, if they are written.
 */
export function withClientDefaults(
  client: unknown,
  ofIssuer: SecurityProfile | undefined,
  algorithms: unknown,
): unknown {
  if (!isJsonObject(client)) return client
  const profile = stricterProfile(profileIn(client), ofIssuer)
  if (profile === undefined) return client
  const isKnown = client.security_profile === undefined || isSecurityProfile(client.security_profile)
  const read = filled(client, { client_assertion_audience: 'issuer' })
  return {
    ...(includesProfile(profile, 'fapi2-security') ? withFapiDefaults(read, profile, algorithms) : read),
    // The schema reports an unknown name.
    ...(isKnown && { security_profile: profile }),
  }
}

/** Returns ES256, or the first permitted one of a list that lacks it. */
const signsWith = (algorithms: unknown): string => {
  const allowed: readonly unknown[] = Array.isArray(algorithms) ? algorithms : fapiAlgorithms
  const permitted = fapiAlgorithms.filter(alg => allowed.includes(alg))
  return permitted[0] ?? 'ES256'
}

function withFapiDefaults(client: Written, profile: SecurityProfile, algorithms: unknown): Written {
  const { client_secrets: secrets } = client
  const hasSecrets = Array.isArray(secrets) ? secrets.length > 0 : secrets !== undefined
  const read = hasSecrets ? client : filled(client, { token_endpoint_auth_method: 'private_key_jwt' })
  const { token_endpoint_auth_method: method } = read
  const isBound = isCertificateMethod(method) || read.tls_client_certificate_bound_access_tokens === true
  return filled(read, {
    authorization_code_lifetime: 60,
    // The rules of public clients would report it too.
    ...(method !== 'none' && { refresh_token_usage: 'reuse' }),
    ...(!isBound && { dpop_bound_access_tokens: true }),
    id_token_signed_response_alg: signsWith(algorithms),
    authorization_signed_response_alg: signsWith(algorithms),
    require_pushed_authorization_requests: true,
    ...(includesProfile(profile, 'fapi2-message-signing') && {
      require_signed_request_object: true,
      require_signed_authorization_response: true,
      request_object_max_lifetime: hour,
    }),
  })
}
