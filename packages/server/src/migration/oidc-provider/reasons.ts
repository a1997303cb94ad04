/** Members of the configuration without a key here, and what replaces them. */

type Reason = readonly [outcome: 'not_needed' | 'not_possible', why: string]

const possible = (why: string): Reason => ['not_possible', why]
const needed = (why: string): Reason => ['not_needed', why]

const ofClients = 'each client lists its own'

export const reasons: Readonly<Record<string, Reason>> = {
  // Users and sign-in.
  findAccount: possible(
    'write the hook userStore, which finds users, and profile.claims for computed claims',
  ),
  interactions: possible(
    'this server has pages for sign-in and consent: templates change them, the hooks consentPolicy and mfaPolicy decide',
  ),
  loadExistingGrant: possible(
    'consent is remembered by this server; the hook consentPolicy skips or requires it',
  ),
  pairwiseIdentifier: possible('pairwise subjects are derived with the master key, so they change'),
  acrValues: possible('acr follows from the sign-in; see mfa'),
  // Tokens.
  extraTokenClaims: possible('write user_claims of clients and rules of scopes, or the hook profile.claims'),
  extraAccessTokenClaims: possible(
    'write user_claims of clients and rules of scopes, or the hook profile.claims',
  ),
  issueRefreshToken: possible(
    'refresh tokens are issued for offline_access to clients with the refresh_token grant',
  ),
  expiresWithSession: possible('set sessions.end_revokes'),
  formats: possible('set access_token_type of each client: jwt (the default here) or reference'),
  revokeGrantPolicy: possible('set sessions.end_revokes; revoking a refresh token revokes its access tokens'),
  jwks: possible('import the private keys with "tessera keys import", so that issued tokens verify'),
  assertJwtClientAuthClaimsAndHeader: possible(
    'set client_assertion_audience and client_assertion_max_lifetime',
  ),
  // Storage and network.
  adapter: possible('set storage to sqlite: or postgres:; what the adapter stored is not imported'),
  clientBasedCORS: possible('list allowed_cors_origins of each client'),
  fetch: possible('set outbound; requests follow its rules'),
  httpOptions: possible('set outbound; requests follow its rules'),
  // Requests and responses.
  routes: possible('paths are /connect/…: change clients that do not use discovery'),
  renderError: possible('write a template for the error page'),
  extraParams: possible('unknown parameters are ignored; acr_values can carry idp: and tenant:'),
  extraClientMetadata: possible('clients have no other members here; use claims or user_claims'),
  sectorIdentifierUriValidate: possible('sector_identifier_uri is not fetched for configured clients'),
  discovery: possible('the discovery document has no other members'),
  allowOmittingSingleRegisteredRedirectUri: needed('redirect_uri is required in every request'),
  acceptQueryParamAccessTokens: needed('tokens in a URL are refused (RFC 9700 §4.3.2)'),
  enableHttpPostMethods: needed('authorization requests may be sent by POST'),
  clockTolerance: needed('assertions of clients have a fixed tolerance'),
  fetchResponseBodyLimits: needed('responses are limited'),
  // Lists of what is supported.
  enabledJWA: needed(ofClients),
  clientAuthMethods: needed(ofClients),
  tokenEndpointAuthMethods: needed(ofClients),
  responseTypes: needed(ofClients),
  subjectTypes: needed(ofClients),
}
