/** Converts registered metadata into a client, with the schema and rules of configured clients (RFC 7591 §2). */

import type { RegisteredClientParser, Registration } from '../model/registration.ts'
import { isSecurityProfile } from '../model/security-profile.ts'
import type { Draft } from './draft.ts'
import { emptyLists } from './empty-lists.ts'
import { explain } from './explain.ts'
import { withClientDefaults } from './profiles/defaults.ts'
import { clientErrors } from './rules/client.ts'
import { referenceErrors, registeredScopes } from './rules/references.ts'
import { clientOf, clientSchema } from './schema/client.ts'
import { secretOf } from './schema/credentials.ts'
import type { ConfigurationDraft } from './schema/whole.ts'

export function registrationOf(whole: ConfigurationDraft): Registration {
  const { registration: draft } = whole
  const { metadata_documents: documents } = draft
  const context = contextOf(whole)
  const scopes = registeredScopes(context)
  const allowed = draft.allowed_scope?.split(' ').filter(name => name !== '')
  const apis = context.names.api_scopes
  return {
    mode: draft.mode,
    initialAccessTokens: draft.initial_access_tokens.map(secretOf),
    allowedScope: allowed ?? [...scopes].filter(name => !apis.has(name)),
    registeredScope: draft.registered_scope,
    allowedGrantTypes: new Set(draft.allowed_grant_types),
    privateUseSchemes: draft.private_use_schemes === 'any' ? 'any' : new Set(draft.private_use_schemes),
    softwareIssuers: draft.trusted_software_issuers,
    requireSoftwareStatement: draft.require_software_statement,
    clientSecretLifetime: draft.client_secret_lifetime,
    unusedClientLifetime: draft.unused_client_lifetime,
    mostClients: draft.max_clients,
    mostUnusedClients: draft.max_unused_clients,
    mostRequestsPerHour: draft.max_requests_per_hour,
    sealedClients: draft.sealed_client_ids,
    blockedRedirects: draft.blocked_redirect_hosts,
    documents: {
      mode: documents.mode,
      allowedHosts: documents.allowed_hosts,
      blockedHosts: documents.blocked_hosts,
      allowedGrantTypes: new Set(documents.allowed_grant_types),
      minCacheLifetime: documents.min_cache_lifetime,
      maxCacheLifetime: documents.max_cache_lifetime,
    },
    defaults: draft.client_defaults,
    parse: createParser(context),
  }
}

function createParser(context: Draft): RegisteredClientParser {
  return input => {
    const outcome = clientSchema.safeParse(
      withClientDefaults(input, context.security.profile, context.signatureAlgorithms),
    )
    if (!outcome.success) return { ok: false, problems: explain(outcome.issues, clientSchema, input) }
    const { value } = outcome
    const entry = { list: 'clients', index: 0, subject: '', value, invalid: new Set<string>() }
    const draft = { ...context, clients: [entry] }
    const errors = [...clientErrors(draft), ...referenceErrors(draft)]
    if (errors.length === 0) return { ok: true, client: clientOf(value, context.signatureAlgorithms) }
    return {
      ok: false,
      problems: errors.map(error => ({ ...error, path: error.path.replace('clients[0].', '') })),
    }
  }
}

/** Returns the names that a client can refer to. */
const contextOf = (whole: ConfigurationDraft): Draft => ({
  ...emptyLists,
  names: {
    clients: new Set(),
    users: new Set(),
    identity_resources: namesOf(whole.identity_resources),
    api_scopes: namesOf(whole.api_scopes),
    api_resources: namesOf(whole.api_resources),
    identity_providers: namesOf(whole.identity_providers),
    tenants: namesOf(whole.tenants),
  },
  mtls: whole.mtls !== undefined,
  dpop: whole.dpop.enabled,
  signatureAlgorithms: whole.signature_algorithms,
  security: {
    profile: isSecurityProfile(whole.security_profile) ? whole.security_profile : undefined,
    settings: {},
  },
  trustedIssuers: whole.trusted_issuers.length > 0,
  // A client that registers itself can't use the admin API.
  adminApi: false,
  moduleGrants: (whole.grants ?? []).map(({ grantType }) => grantType),
})

const namesOf = (list: readonly { readonly name: string }[]): ReadonlySet<string> =>
  new Set(list.map(({ name }) => name))
