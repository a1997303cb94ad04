/** Names the tests that hold the absolute sentences of the descriptions of endpoints that clients call. */

import { held, none, type Rows } from './rows.ts'

export const endpoints: Readonly<Record<string, Rows>> = {
  'docs/endpoints/deviceauthorization.md': {
    'every answer is JSON and `no-store`.': held(
      'flows/device.test.ts',
      'device authorization: answers both codes, where to go and how long, and is kept by no cache',
      'attacks/headers.test.ts',
      'headers: so is every refusal of a path, method, media type or fault of the server’s own',
    ),
    'omitted: every scope that the client is allowed;': held(
      'flows/device.test.ts',
      'device authorization: without a scope it is for all that the client is allowed',
    ),
  },
  'docs/endpoints/discovery.md': {
    'The issuer is the configured one, whatever host': held(
      'flows/discovery.test.ts',
      'discovery: both documents are the same, public, and name the configured issuer whatever the',
    ),
    'It names only what this server serves with': held(
      'flows/discovery.test.ts',
      'discovery: what is not offered is not named',
      'flows/discovery.test.ts',
      'discovery: grants are listed as the configuration makes them possible',
      'flows/discovery.test.ts',
      'discovery: every endpoint that is named answers, and none is named that is not there',
    ),
  },
  'docs/endpoints/introspection.md': {
    'every answer is `no-store`.': held(
      'attacks/headers.test.ts',
      'headers: so is every refusal of a path, method, media type or fault of the server’s own',
      'flows/http.test.ts',
      'every answer has the security headers and is kept by no cache unless it says so',
    ),
    '`{"active":false}`, and nothing else, for a token that': held(
      'flows/introspection.test.ts',
      'introspection: … is not active',
      'flows/introspection.test.ts',
      'introspection: tokens of a user who is not active any more, or of a disabled client, are not',
      'flows/introspection.test.ts',
      'introspection: another client’s tokens are not active',
    ),
  },
  'docs/endpoints/metrics.md': {
    "the server's under every host, whatever tenants there": held(
      'flows/tenants.test.ts',
      'tenants: an orchestrator’s probes, and a scraper’s, are answered under every host',
    ),
    '`endpoint` is the path of a route of': held(
      'flows/metrics.test.ts',
      'metrics: nothing that a client sent stands in them, and what it sends makes no new series',
      'flows/metrics.test.ts',
      'metrics: tenants are counted with the server’s endpoints, not apart',
    ),
  },
  'docs/endpoints/par.md': {
    'The request is held to every rule of': held('flows/par.test.ts', 'par: a request … is refused at once'),
    'A `request_uri` belongs to its client, expires soon, and is used once.': held(
      'flows/par.test.ts',
      'par: a request_uri is used by the code that is issued for it, not by loading pages',
      'flows/par.test.ts',
      "par: a request_uri ends, is its client's alone, and another client does not use it up",
      'attacks/protocol-races.test.ts',
      'race: a pushed request brings one code, of many browsers at both processes, and none after they',
    ),
  },
  'docs/endpoints/register.md': {
    '0: it never ends': none('definition'),
    '`subject_type`, `sector_identifier_uri`: fetched, and must list every ': held(
      'flows/register.test.ts',
      'registration: redirection URIs of several hosts are vouched for by the list at their sector',
    ),
    'no redirection URI that came may be registered,': none('names a case'),
    'If none is left, 400 `invalid_redirect_uri`': held(
      'flows/native-applications.test.ts',
      'registration: … gets … of … redirect URIs, and is told which',
    ),
    '`DELETE` answers 204: the client is gone at': held(
      'flows/register-management.test.ts',
      'registration: a client that removes itself stops at once, and so do its tokens',
      'flows/nodes.test.ts',
      'nodes: a client that registers, changes or leaves at one has done so at the other',
    ),
  },
  'docs/endpoints/revocation.md': {
    'its sign-in: every refresh and access token that': held(
      'flows/revocation.test.ts',
      'revocation: with a refresh token falls its sign-in, … too, and no other',
    ),
  },
  'docs/endpoints/token.md': {
    'The body is `application/x-www-form-urlencoded`, at most 64 KiB;': held(
      'attacks/http.test.ts',
      'attack: bodies beyond the limit are 413, whether their length is told, untold or a lie',
      'flows/token-request.test.ts',
      'token: a body of … is invalid_request',
    ),
    'every answer is JSON and `no-store`.': held(
      'flows/token-request.test.ts',
      'token: success and error alike are JSON that nobody may keep',
    ),
    "byte for byte the authorization request's `redirect_uri`;": held(
      'attacks/codes.test.ts',
      'attack: a code asked for at one address is not redeemed for …',
    ),
    'every API scope that the client is allowed;': held(
      'flows/client-credentials.test.ts',
      'client_credentials: no scope means every allowed API scope, and nothing else',
    ),
    'a narrower one narrows this access token, never': held(
      'flows/refresh-token.test.ts',
      'refresh: scope may be narrowed for one token, never widened, and the family keeps its own',
    ),
    '`access_token`, `token_type` (`Bearer`), `expires_in` (seconds), `scop': held(
      'flows/client-credentials.test.ts',
      'client_credentials: a JWT by RFC 9068 for the API that owns the scope',
      'flows/authorization-code.test.ts',
      'code: without openid there is no ID token',
    ),
    'they never replace these.': held(
      'flows/extension-grant.test.ts',
      'extension: custom members join the response, never replace standard ones',
      'attacks/input.test.ts',
      'attack: no member of a module replaces what a standard says, issued_token_type included',
    ),
    'with `WWW-Authenticate: Basic`, whatever was wrong (400 with': held(
      'attacks/clients.test.ts',
      'attack: nothing in an answer tells an unknown client from a disabled one, or either from a',
    ),
    "the store can't write now (`Retry-After`)": none('names a case'),
    '**Device codes** are used once.': held(
      'attacks/races.test.ts',
      'race: a thousand polls of an approved device code at … give tokens once',
    ),
    '**Assertions** are used once by their `jti`.': held(
      'attacks/protocol-races.test.ts',
      'race: an assertion authenticates one request, of many at both processes, and none after they',
      'attacks/protocol-races.test.ts',
      'race: a bearer assertion brings tokens once, whoever else has it, and not after a kill',
    ),
  },
  'docs/endpoints/userinfo.md': {
    'never read: queries end up in logs': held(
      'flows/userinfo.test.ts',
      'userinfo: a token in the query is not read',
    ),
    'JSON: always `sub`, and those claims of the': held(
      'flows/userinfo.test.ts',
      'userinfo: the claims of the identity scopes, by a … token',
      'flows/userinfo.test.ts',
      'userinfo: a claim with several values is a list; one that the user lacks is left out',
    ),
    'it never changes `sub`.': held(
      'flows/userinfo.test.ts',
      'userinfo: an operator’s profile decides claims and standing, never sub',
    ),
    'While no key of the client fits (or': held(
      'flows/response-encryption.test.ts',
      'encryption: without a key of the client that fits nothing is answered, and the code can be',
    ),
  },
}
