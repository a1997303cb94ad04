/** Builds the server metadata from the features that are available (RFC 8414 §2, OpenID Connect Discovery 1.0 §3). */

import { displays } from '@tessera/protocol/display'
import type { ServerMetadata } from '@tessera/protocol/metadata'
import { codeChallengeMethods } from '@tessera/protocol/pkce'
import { adminPath, globalRevocationPath } from '../../model/admin-api.ts'
import { claimNames } from '../../model/claim-rule.ts'
import {
  type Clients,
  contentEncryptionAlgorithms,
  keyEncryptionAlgorithms,
  type SigningAlgorithm,
} from '../../model/client.ts'
import type { ClientNeeds } from '../../model/entry.ts'
import { requestEncryptionAlgorithms } from '../../model/keys.ts'
import type { Resources } from '../../model/resource.ts'
import { pageRoutes, protocolRoutes } from '../../model/routes.ts'

type MetadataSources = {
  readonly issuer: string
  readonly clients: Clients & { readonly needs: () => readonly ClientNeeds[] }
  readonly resources: Resources
  readonly grantTypes: readonly string[]
  readonly responseTypes: readonly string[]
  readonly responseModes: readonly string[]
  readonly prompts: readonly string[]
  /** Weakest first. */
  readonly acrValues: readonly string[]
  /** Those that this server signs with. */
  readonly signingAlgorithms: readonly SigningAlgorithm[]
  /** `token_endpoint_auth_method` values. */
  readonly authenticationMethods: readonly string[]
  /** Those that it accepts: of client assertions, request objects and proofs. */
  readonly signatureAlgorithms: readonly string[]
  /** Languages of the pages. */
  readonly uiLocales: readonly string[]
  readonly branding: { readonly terms_url?: string; readonly privacy_url?: string }
  /** Whether tokens are bound to the keys of DPoP proofs. */
  readonly offersDpop: boolean
  /** Whether this server receives TLS client certificates. */
  readonly mtls: boolean
  /** The base URL of the endpoints with TLS client authentication: the issuer or its alias (RFC 8705 §5). */
  readonly mtlsBase: string
  /** Whether clients may register themselves. */
  readonly registers: boolean
  /** Whether clients may publish their metadata at their `client_id`. */
  readonly readsDocuments: boolean
  readonly administered: boolean
  readonly requirePushed: boolean
  readonly requireSigned: boolean
  /** Whether request objects may be unsigned. */
  readonly unsignedRequests: boolean
  readonly allowUnregisteredUris: boolean
}

export function createMetadata({ issuer, clients, resources, ...offered }: MetadataSources): ServerMetadata {
  const plainPkce =
    [...clients.all()].some(client => client.allow_plain_pkce) ||
    clients.needs().some(({ plain_pkce }) => plain_pkce)
  const endpointsAt = (base: string) => ({
    token_endpoint: base + protocolRoutes.token.path,
    introspection_endpoint: base + protocolRoutes.introspection.path,
    revocation_endpoint: base + protocolRoutes.revocation.path,
    device_authorization_endpoint: base + pageRoutes.deviceAuthorization.path,
    userinfo_endpoint: base + protocolRoutes.userinfo.path,
    pushed_authorization_request_endpoint: base + pageRoutes.par.path,
  })
  return {
    issuer,
    authorization_endpoint: issuer + pageRoutes.authorize.path,
    end_session_endpoint: issuer + pageRoutes.endSession.path,
    check_session_iframe: issuer + pageRoutes.checkSession.path,
    jwks_uri: issuer + protocolRoutes.jwks.path,
    ...endpointsAt(issuer),
    ui_locales_supported: offered.uiLocales,
    op_policy_uri: offered.branding.privacy_url,
    op_tos_uri: offered.branding.terms_url,
    scopes_supported: [
      ...resources.identity.keys(),
      ...[...resources.apiScopes.values()].flatMap(({ name, administers }) => (administers ? [] : name)),
      'offline_access',
    ],
    claims_supported: [
      ...new Set([
        'sub',
        'auth_time',
        'acr',
        'amr',
        ...[...resources.identity.values()].flatMap(({ claims }) => claimNames(claims)),
      ]),
    ],
    response_types_supported: offered.responseTypes,
    response_modes_supported: offered.responseModes,
    grant_types_supported: offered.grantTypes,
    acr_values_supported: offered.acrValues,
    prompt_values_supported: offered.prompts,
    subject_types_supported: ['public', 'pairwise'],
    display_values_supported: displays,
    claim_types_supported: ['normal'],
    id_token_signing_alg_values_supported: offered.signingAlgorithms,
    token_endpoint_auth_methods_supported: offered.authenticationMethods,
    token_endpoint_auth_signing_alg_values_supported: offered.signatureAlgorithms,
    introspection_endpoint_auth_methods_supported: offered.authenticationMethods.filter(
      method => method !== 'none',
    ),
    introspection_endpoint_auth_signing_alg_values_supported: offered.signatureAlgorithms,
    introspection_signing_alg_values_supported: offered.signingAlgorithms,
    revocation_endpoint_auth_methods_supported: offered.authenticationMethods,
    revocation_endpoint_auth_signing_alg_values_supported: offered.signatureAlgorithms,
    code_challenge_methods_supported: plainPkce ? codeChallengeMethods : ['S256'],
    authorization_response_iss_parameter_supported: true,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    claims_parameter_supported: true,
    userinfo_signing_alg_values_supported: offered.signingAlgorithms,
    id_token_encryption_alg_values_supported: keyEncryptionAlgorithms,
    id_token_encryption_enc_values_supported: contentEncryptionAlgorithms,
    userinfo_encryption_alg_values_supported: keyEncryptionAlgorithms,
    userinfo_encryption_enc_values_supported: contentEncryptionAlgorithms,
    introspection_encryption_alg_values_supported: keyEncryptionAlgorithms,
    introspection_encryption_enc_values_supported: contentEncryptionAlgorithms,
    // JARM §4.
    authorization_signing_alg_values_supported: offered.signingAlgorithms,
    authorization_encryption_alg_values_supported: keyEncryptionAlgorithms,
    authorization_encryption_enc_values_supported: contentEncryptionAlgorithms,
    request_parameter_supported: true,
    request_uri_parameter_supported: true,
    require_request_uri_registration: !offered.allowUnregisteredUris,
    request_object_signing_alg_values_supported: [
      ...offered.signatureAlgorithms,
      ...(offered.unsignedRequests ? ['none'] : []),
    ],
    request_object_encryption_alg_values_supported: requestEncryptionAlgorithms,
    request_object_encryption_enc_values_supported: contentEncryptionAlgorithms,
    require_signed_request_object: offered.requireSigned,
    require_pushed_authorization_requests: offered.requirePushed,
    registration_endpoint: offered.registers ? issuer + pageRoutes.register.path : undefined,
    ...(offered.administered && {
      global_token_revocation_endpoint: issuer + adminPath + globalRevocationPath,
      global_token_revocation_endpoint_auth_methods_supported: offered.offersDpop
        ? ['Bearer', 'DPoP']
        : ['Bearer'],
    }),
    client_id_metadata_document_supported: offered.readsDocuments || undefined,
    refresh_token_expiration_types_supported: ['authorization', 'token_timeout'],
    dpop_signing_alg_values_supported: offered.offersDpop ? offered.signatureAlgorithms : undefined,
    tls_client_certificate_bound_access_tokens: offered.mtls || undefined,
    mtls_endpoint_aliases: offered.mtls ? endpointsAt(offered.mtlsBase) : undefined,
  }
}
