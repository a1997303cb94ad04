/** Names the tests that verify the absolute sentences about endpoints that clients call. */

import { held, none, type Rows } from './rows.ts'

export const endpoints: Readonly<Record<string, Rows>> = {
  'docs/endpoints/admin.md': {
    '`claims` must not contain them': held(
      'admin/users.test.ts',
      'admin users: each fault of a body is named with its place, and nothing is stored',
      'admin/users.test.ts',
      'admin users: claims in any language that are members of a user or reserved are refused',
    ),
    '[reference/admin-api.json](../reference/admin-api.json) is the OpenAPI 3.1 document with every operation.':
      held(
        'admin/openapi.test.ts',
        'admin openapi: the committed document matches the code (otherwise: npm run api:admin)',
      ),
    "If the record can't be stored, the request fails and nothing is changed.": held(
      'audit/server.test.ts',
      'audit: a change that can not be recorded is not made',
    ),
    'Clients that register themselves never get them.': held(
      'admin/callers.test.ts',
      'admin callers: a client must ask for each scope, and be allowed it',
    ),
    'An omitted `scope` never contains one.': held(
      'admin/callers.test.ts',
      'admin callers: a client must ask for each scope, and be allowed it',
    ),
    "Users can't grant these scopes, so a stolen session of a user gives no access.": held(
      'admin/callers.test.ts',
      'admin callers: users get no scope of this API, by any grant',
    ),
    'A caller gives a client only scopes': held(
      'admin/entries.test.ts',
      'admin entries: no caller gives a client scopes that it lacks, or changes a client that has them',
    ),
    '`POST /clients/{client_id}/revocation` revokes every token': held(
      'admin/entries.test.ts',
      'admin entries: the tokens of a client, or of a user, are revoked by one request',
    ),
    'Ends all sessions and revokes every token, like': held(
      'admin/entries.test.ts',
      'admin entries: the tokens of a client, or of a user, are revoked by one request',
    ),
    'It is shown, and every change is 409 `admin_entry_read_only`.': held(
      'admin/users.test.ts',
      'admin users: users of the file are shown with their origin, and are read-only',
    ),
    'Every stored entry has an `ETag`.': held(
      'admin/users.test.ts',
      'admin users: a chosen sub is created once, replaced with If-Match, and removed',
    ),
    'A change needs it as `If-Match` (428 without, 412 for another version), so nobody overwrites a version they have not seen.':
      held('admin/users.test.ts', 'admin users: of two writers with the same ETag, one succeeds'),
    '`limit` is at most': held(
      'admin/callers.test.ts',
      'admin requests: unknown paths and methods, media types and malformed bodies are refused',
    ),
    '**Secrets** are never returned, neither as text nor as hashes, except': held(
      'admin/users.test.ts',
      'admin users: a created user is shown without a password, and signs in',
      'admin/entries.test.ts',
      'admin entries: a client is created with a generated secret that is shown once, and works at once',
      'admin/entries.test.ts',
      'admin entries: the secret of an identity provider is stored, hidden, and kept',
    ),
  },
  'docs/endpoints/deviceauthorization.md': {
    'Every response is JSON with `Cache-Control: no-store`.': held(
      'device/device.test.ts',
      'device authorization: the response has both codes, the address and the lifetime, and is not cached',
      'http/headers.attack.test.ts',
      'headers: so does every error for a path, method or media type, and every server error',
    ),
    'Default: every scope that the client is allowed.': held(
      'device/device.test.ts',
      'device authorization: without a scope it requests all that the client is allowed',
    ),
  },
  'docs/endpoints/discovery.md': {
    'The issuer is always the configured one, whatever host': held(
      'discovery/discovery.test.ts',
      'discovery: both documents are the same, public, and contain the configured issuer whatever the request',
    ),
    'The document lists exactly what this server supports with': held(
      'discovery/discovery.test.ts',
      'discovery: unavailable features are not listed',
      'discovery/discovery.test.ts',
      'discovery: a grant is listed if the configuration makes it possible',
      'discovery/discovery.test.ts',
      'discovery: every listed endpoint responds, and no missing endpoint is listed',
    ),
  },
  'docs/endpoints/introspection.md': {
    'Every response has `Cache-Control: no-store`.': held(
      'http/headers.attack.test.ts',
      'headers: so does every error for a path, method or media type, and every server error',
      'http/http.test.ts',
      'every response has the security headers and is not cached by default',
    ),
    'The response is `{"active":false}` and nothing else in every': held(
      'tokens/introspection.test.ts',
      'introspection: … is not active',
      'tokens/introspection.test.ts',
      'introspection: tokens of an inactive user or a disabled client are not active',
      'tokens/introspection.test.ts',
      'introspection: tokens of another client are not active',
      'tokens/introspection.test.ts',
      'introspection: a refresh token of … is not active, as the refresh grant refuses it, and is not used up',
    ),
  },
  'docs/endpoints/metrics.md': {
    'The server responds under every host, including those of': held(
      'tenants/tenants.test.ts',
      'tenants: health checks and metrics respond under every host',
    ),
    'The label `endpoint` is always the path of a': held(
      'operations/metrics.test.ts',
      'metrics: they contain nothing that a client sent, and its input creates no series',
      'operations/metrics.test.ts',
      'metrics: tenants are counted with the server’s endpoints, not separately',
    ),
  },
  'docs/endpoints/par.md': {
    'The request is checked against every rule of the': held(
      'authorize/par.test.ts',
      'par: a request … is refused immediately',
    ),
    'A `request_uri` belongs to its client, expires soon, and can be used once.': held(
      'authorize/par.test.ts',
      'par: a request_uri is consumed by issuing its code, not by loading pages',
      'authorize/par.test.ts',
      'par: a request_uri expires, belongs to its client alone, and another client does not consume it',
      'authorize/protocol-races.attack.test.ts',
      'race: a pushed request yields one code for many browsers at two processes, and none after a restart',
    ),
  },
  'docs/endpoints/register.md': {
    'With `registered_scope: "allowed"`, every client': held(
      'kinds/partial-acceptance.test.ts',
      'registration: with registered_scope "allowed", a client with',
    ),
    '`client_secret_expires_at` 0: the secret never expires.': none('definition'),
    '`sector_identifier_uri`, which is fetched and must list every': held(
      'registration/register.test.ts',
      'registration: redirect URIs on several hosts must be in the list of their sector',
    ),
    'None of the redirect URIs may be registered, a required one': none('names a case'),
    'If none remains, 400 `invalid_redirect_uri`': held(
      'authorize/native-applications.test.ts',
      'registration: … registers … of … redirect URIs, and the response lists them',
    ),
    'The client and its tokens are removed immediately on every node.': held(
      'registration/register-management.test.ts',
      'registration: a client that deletes itself is refused immediately, and so are its tokens',
      'operations/nodes.test.ts',
      'nodes: a client registered, changed or removed at one is so at the other',
    ),
  },
  'docs/endpoints/revocation.md': {
    'Revokes the sign-in, with every refresh and access token': held(
      'tokens/revocation.test.ts',
      'revocation: a refresh token revokes its sign-in, … included, and no other',
    ),
  },
  'docs/endpoints/token.md': {
    'The body is `application/x-www-form-urlencoded` and at most 64 KiB': held(
      'http/http.attack.test.ts',
      'attack: bodies beyond the limit get 413, with a correct, missing or wrong length',
      'token/token-request.test.ts',
      'token: a body of … is invalid_request',
    ),
    'Every response is JSON with `Cache-Control: no-store`.': held(
      'token/token-request.test.ts',
      'token: success and errors are JSON that may not be cached',
    ),
    'Must equal the `redirect_uri` of the authorization request byte for byte.': held(
      'token/codes.attack.test.ts',
      'attack: a code for one redirect URI can’t be redeemed with …',
    ),
    'every API scope that the client is allowed;': held(
      'token/client-credentials.test.ts',
      'client_credentials: no scope means every allowed API scope, and nothing else',
    ),
    'A narrower scope narrows this access token, never the': held(
      'token/refresh-token.test.ts',
      'refresh: the scope can be narrowed for one token and never widened, and the family keeps its own',
    ),
    'The response always contains `access_token`, `token_type`, `expires_in`': held(
      'token/client-credentials.test.ts',
      'client_credentials: the token is a JWT by RFC 9068 for the API that owns the scope',
      'token/authorization-code.test.ts',
      'code: without openid there is no ID token',
    ),
    'Validators and extension grants may add members, but never': held(
      'token/extension-grant.test.ts',
      'extension: custom members are added to the response and never replace standard ones',
      'http/input.attack.test.ts',
      'attack: no member of a module replaces a standard one, issued_token_type included',
    ),
    'The response always has `WWW-Authenticate: Basic`.': held(
      'clients/clients.attack.test.ts',
      'attack: responses do not distinguish an unknown client, a disabled client and a wrong secret',
    ),
    "The store can't be written to now.": none('names a case'),
    '**Device codes** can be used once, with one exception: after a lost response, the same client': held(
      'device/device-retry.test.ts',
      'device retry: within the window, an equal response; once its refresh token was used, the code stays used',
      'device/device-retry.test.ts',
      'device retry: after the window, without a window, with reused tokens and without a refresh token, a code is used once',
    ),
    '**Assertions** can be used once, identified by their `jti`.': held(
      'authorize/protocol-races.attack.test.ts',
      'race: an assertion authenticates one of many concurrent requests to two processes, and none after a restart',
      'authorize/protocol-races.attack.test.ts',
      'race: a bearer assertion yields tokens once, whichever client sends it, and none after a kill',
    ),
  },
  'docs/endpoints/userinfo.md': {
    'The query is never read, because queries end up': held(
      'tokens/userinfo.test.ts',
      'userinfo: a token in the query is ignored',
    ),
    'It always contains `sub`, and those claims of the': held(
      'tokens/userinfo.test.ts',
      'userinfo: returns the claims of the identity scopes for a … token',
      'tokens/userinfo.test.ts',
      'userinfo: a claim with several values is a list; one that the user lacks is omitted',
    ),
    'If a module defines `profile.claims`, that decides instead, but': held(
      'tokens/userinfo.test.ts',
      'userinfo: an operator’s profile decides claims and whether the user is active, never sub',
    ),
    'If no key of the client is suitable, or': held(
      'tokens/response-encryption.test.ts',
      'encryption: without a suitable key the response is an error, and the code can be used once there is one',
    ),
    'Data that must be encrypted is never sent unencrypted.': held(
      'tokens/response-encryption.test.ts',
      'encryption: without a suitable key the response is an error, and the code can be used once there is one',
    ),
  },
}
