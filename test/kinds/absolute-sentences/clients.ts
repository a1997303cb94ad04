/** Names the tests that verify the absolute sentences about clients, their requests and tokens. */

import { held, none, type Rows } from './rows.ts'

export const clients: Readonly<Record<string, Rows>> = {
  'docs/guides/changed-defaults.md': {
    'These changes apply to every configuration.': none('definition'),
    'nobody who redeems codes': none('definition'),
    "old and new nodes can't open": none('names a limit of the promise'),
    'With `accounts.sign_up`, anybody could create': none('history'),
    'Now it ends with every token that it': held(
      'token/exchange.attack.test.ts',
      'exchange: a … token is revoked with the … token it derives from, over any number of exchanges',
    ),
    'Now a member of the statement replaces the': held(
      'registration/register.test.ts',
      'registration: metadata in the request does not override the software statement, in any language',
    ),
    'Now only an issued code or token counts': held(
      'registration/self-registered.attack.test.ts',
      'attack: unused clients take no place from new ones, and used clients keep theirs',
    ),
    'If the database file was missing or empty': none('history'),
    'The name and password of a configured user were': none('history'),
  },
  'docs/guides/dpop.md': {
    "Bound refresh tokens of public clients can't be": held(
      'tokens/dpop.test.ts',
      'dpop: where it is disabled, proofs are ignored and not offered, and bound tokens still need their key',
    ),
    'At most 120 seconds ago, and 60 seconds': held(
      'tokens/dpop-proof.test.ts',
      'dpop: each wrong claim is refused with its own reason',
    ),
    'A text of at most 256 characters.': held(
      'tokens/dpop-proof.test.ts',
      'dpop: each wrong claim is refused with its own reason',
    ),
    'Each proof is accepted once, by one node.': held(
      'tokens/dpop.test.ts',
      'dpop: of two nodes that race for one proof, one succeeds',
    ),
    'At most 12,288 characters.': held(
      'tokens/dpop-proof.test.ts',
      'dpop: what is not a single JWT of reasonable size, or is not signed by its key, is refused',
    ),
    "**Tokens of the authorization endpoint** can't be bound.": none('names a limit of the promise'),
    'Every process and node accepts those of the': held(
      'tokens/dpop-proof.test.ts',
      'dpop: nonces of any node are accepted for five minutes, and replaced once they age',
    ),
    'A proof costs one signature check (about 50': none('explains'),
  },
  'docs/guides/apis.md': {
    'The request gets exactly these scopes, as far': held(
      'kinds/endpoint-defaults.test.ts',
      'endpoint defaults: without a scope and with a resource, … gets exactly the default_scopes of that API',
    ),
    'The last three only get API scopes, and token': held(
      'kinds/endpoint-defaults.test.ts',
      'endpoint defaults: client_credentials and extension grants get the API scopes among the default_scopes',
    ),
  },
  'docs/guides/client-authentication.md': {
    'Client authentication is the same at every': held(
      'clients/clients.attack.test.ts',
      'attack: a disabled client is refused at every endpoint that authenticates clients',
    ),
    'If you remove the setting from a public': held(
      'tokens/certificate-bound.test.ts',
      'refresh: bound tokens of a public client can’t be used once the setting is removed, nor without it be exchanged',
    ),
    'A request from any other address than': held(
      'tokens/certificate-bound.test.ts',
      'userinfo: the certificate of a direct connection counts for nothing, in any form of the header',
    ),
    'Each request uses exactly one method.': held(
      'clients/clients.attack.test.ts',
      'attack: … in one request is refused, even if each alone is correct',
    ),
    'Failures always return `invalid_client` with the same': held(
      'clients/clients.attack.test.ts',
      'attack: responses do not distinguish an unknown client, a disabled client and a wrong secret',
    ),
    'Ids have at most 100 characters': held(
      'clients/basic.property.test.ts',
      'basic: ids and secrets within the limits are returned, nothing longer',
    ),
    'The server counts wrong secrets and assertions at every': held(
      'clients/client-secrets.attack.test.ts',
      'attack: …: a network can try a hundred secrets of a client, and other networks are unaffected',
      'clients/client-secrets.attack.test.ts',
      'attack: a network can try a thousand secrets, including of unknown clients; clients that authenticated there within a day are unaffected',
      'clients/client-secrets.attack.test.ts',
      'attack: a network can try a hundred secrets of an API (…)',
    ),
    'After that, the response is 429 `invalid_client`': held(
      'clients/client-secrets.attack.test.ts',
      'attack: of a thousand concurrent secrets a hundred are checked, and a correct one after them is refused',
    ),
    'Nobody can lock a client out from another': held(
      'clients/client-secrets.attack.test.ts',
      'attack: …: a network can try a hundred secrets of a client, and other networks are unaffected',
    ),
    'Keys at a `jwks_uri` are fetched on first': held(
      'clients/jwks-uri.test.ts',
      'jwks_uri: unknown kids cause only a limited number of fetches',
      'clients/jwks-uri.test.ts',
      'jwks_uri: a new kid is fetched immediately, and removed keys no longer work',
    ),
    'For a JWT without `kid`, at most': held(
      'registration/registration.attack.test.ts',
      'attack: a client with hundreds of keys does not have them all tried for a request without kid',
    ),
    'required, at most `client_assertion_max_lifetime` ahead': held(
      'clients/private-key-jwt.test.ts',
      'private_key_jwt: an assertion … is invalid_client',
    ),
    'With `tls_client_certificate_bound_access_tokens`, tokens are bound whatever': held(
      'tokens/certificate-bound.test.ts',
      'token: … binds the tokens of … to the certificate of its connection, and requires one',
    ),
    'The client must then present a certificate': held(
      'tokens/certificate-bound.test.ts',
      'token: … binds the tokens of … to the certificate of its connection, and requires one',
    ),
    '**Never use one listener for both methods.**': none('advice'),
    "`none` is for applications that can't": none('definition'),
    'A new `kid` triggers an immediate fetch, at most': held(
      'clients/jwks-uri.test.ts',
      'jwks_uri: unknown kids cause only a limited number of fetches',
    ),
  },
  'docs/guides/mcp.md': {
    'Consent is asked at every request': held(
      'registration/client-documents.test.ts',
      'client documents: without an allowed host, the user is asked',
    ),
    "Or a document that can't be fetched": none('names a case'),
  },
  'docs/guides/client-id-metadata-documents.md': {
    'https, with a path, at most 1024 characters': held(
      'registration/client-documents.test.ts',
      'client documents: a URL of 1024 characters works on every page and at every endpoint',
      'registration/client-documents.test.ts',
      'client documents: a URL … is not fetched',
    ),
    'status 200, `application/json`': held(
      'registration/client-documents.test.ts',
      'client documents: one with … is refused',
    ),
    'asked at every request': held(
      'registration/client-documents.test.ts',
      'client documents: without an allowed host, the user is asked',
    ),
    'Consent is asked at every request, also for allowed hosts': held(
      'registration/client-documents.test.ts',
      'client documents: consent is remembered only for an allowed host',
    ),
    'The name of the client appears': held(
      'registration/client-documents.attack.test.ts',
      'attack: look-alike hosts are shown in ASCII',
    ),
    '`app.example` allows that host': held(
      'registration/client-documents.test.ts',
      'client documents: only allowed hosts are asked',
    ),
    '`blocked_hosts` applies to every port': held(
      'registration/client-documents.test.ts',
      'client documents: only allowed hosts are asked',
    ),
    'five minutes if they say nothing': held(
      'registration/client-documents.test.ts',
      'client documents: a document is used as long as its headers say',
    ),
    'An unknown host gets at most 10 requests': held(
      'registration/client-documents.attack.test.ts',
      'attack: a slow host holds a few places, and other clients are served',
    ),
    "can't be fetched now": none('names a case'),
    '`tessera clients block https://editor.example/oauth/client.json` also blocks it, on every node': held(
      'registration/sealed-clients.test.ts',
      'blocking clients: a client with a metadata document, by its URL',
    ),
  },
  'docs/guides/client-registration.md': {
    'With `"registered_scope": "allowed"`, a client can': held(
      'kinds/partial-acceptance.test.ts',
      'registration: with registered_scope "allowed", a client with',
    ),
    'a sealed id, if it has at most 512 characters': held(
      'registration/sealed-clients.test.ts',
      'sealed clients: an id of 512 characters works on every page and at every endpoint',
      'registration/sealed-clients.test.ts',
      'sealed clients: a client that needs a secret, a fetch or more than 512 characters gets a row and a token',
    ),
    "The client can't read, change or delete its registration.": held(
      'registration/sealed-clients.test.ts',
      'sealed clients: registration returns the metadata, and no row, secret, token or management address',
    ),
    'Running servers honour the commands within a second on every node': held(
      'registration/sealed-clients.test.ts',
      'blocking clients: by id, at this node, at others and after a restart, and until the block ends',
    ),
    '`spam.example` blocks that host with every port': held(
      'registration/sealed-clients.test.ts',
      'blocking clients: a pattern blocks hosts below it, a host with every port, and a scheme',
    ),
    'By default nobody can register a client;': held(
      'registration/register.test.ts',
      'registration: no client can register unless the configuration allows it',
    ),
    "a registered client can't have settings": held(
      'registration/registration.attack.test.ts',
      "attack: a client can't register or update to a scope, grant, response type or authentication method that is not allowed",
      'registration/register.test.ts',
      'registration: … is refused, and the error names the member',
    ),
    'A public client always uses PKCE.': held(
      'registration/register.test.ts',
      'registration: a public client must use PKCE, whatever is configured for others',
    ),
    'A member of the statement takes precedence over': held(
      'registration/register.test.ts',
      'registration: metadata in the request does not override the software statement, in any language',
    ),
    'The parsed client is cached as long': held(
      'registration/register-management.test.ts',
      'registration: two processes on one store see each other’s clients, and a restart loses none',
      'operations/nodes.test.ts',
      'nodes: a client registered, changed or removed at one is so at the other',
    ),
  },
  'docs/guides/extension-grants.md': {
    "The user's access must not end before the tokens are stored,": held(
      'token/overtaken-grants.attack.test.ts',
      'attack: … fails for a stored user if it is overtaken by …',
      'token/overtaken-grants.attack.test.ts',
      'attack: … fails for a user … if it is overtaken by a revocation',
    ),
    "Claims never replace the server's:": held(
      'token/extension-grant.test.ts',
      'extension: the tenant is that of the user’s record, and claims never replace the registered ones',
      'tokens/tokens.attack.test.ts',
      'attack: a profile hook, a user’s record and a grant can’t set the server’s own claims',
    ),
    "Scope and lifetime are at most the client's,": held(
      'token/extension-grant.test.ts',
      'extension: lifetime and token type by request; the lifetime is at most the client’s',
      'tokens/tokens.attack.test.ts',
      'attack: while a slow hook runs, no derived token outlives its source',
      'tokens/tokens.attack.test.ts',
      'attack: a chain of exchanges never gains scope, lifetime or an audience outside its scope',
    ),
    'The same holds for the user of every token': held(
      'token/exchange.attack.test.ts',
      'exchange: a grant of an operator issues nothing for a token whose user was moved to another tenant',
      'kinds/two-paths-of-tokens.test.ts',
      'two paths of tokens: … refuses the … token of a user who is …',
    ),
    'Custom members never replace standard ones.': held(
      'token/extension-grant.test.ts',
      'extension: custom members are added to the response and never replace standard ones',
      'http/input.attack.test.ts',
      'attack: no member of a module replaces a standard one, issued_token_type included',
    ),
    'It is never granted to a derived token.': held(
      'token/exchange.attack.test.ts',
      'exchange: never returns a refresh token, even to a client that may have offline_access',
    ),
    '`urn:ietf:params:oauth:grant-type:token-exchange` is always available;': held(
      'discovery/discovery.test.ts',
      'discovery: a grant is listed if the configuration makes it possible',
    ),
    'The issued token has at most': held(
      'tokens/tokens.attack.test.ts',
      'attack: a chain of exchanges never gains scope, lifetime or an audience outside its scope',
    ),
    'at most 16, [why]': held(
      'token/exchange.attack.test.ts',
      'exchange: the length of a chain of exchanges is limited',
    ),
    'at most 65 minutes ahead;': held('token/jwt-bearer.test.ts', 'jwt-bearer: … is invalid_grant'),
    'each assertion is used once.': held(
      'token/jwt-bearer.test.ts',
      'jwt-bearer: an assertion of a trusted issuer yields the user’s token once',
      'authorize/protocol-races.attack.test.ts',
      'race: a bearer assertion yields tokens once, whichever client sends it, and none after a kill',
    ),
    "It is revoked together with the subject token's sign-in, with every token": held(
      'token/exchange.attack.test.ts',
      'exchange: a … token is revoked with the … token it derives from, over any number of exchanges',
      'token/exchange.attack.test.ts',
      'exchange: a token ends when a client is … that had a token which it derives from',
    ),
  },
  'docs/guides/profiles.md': {
    "they can't choose a profile.": held(
      'authorize/profiles.test.ts',
      'profiles: clients that register themselves meet the profile, or are refused',
    ),
    'If an API that was added later requires another algorithm': held(
      'authorize/profiles.test.ts',
      'profiles: of a client with a profile, other clients keep their settings, and an API can not weaken its tokens',
    ),
    'Every endpoint is served over TLS.': held(
      'configuration/profiles.test.ts',
      'profiles: an issuer without TLS is reported, and starts for development',
    ),
    'The redirect URI of a request is compared byte for byte.': held(
      'kinds/redirect-uris.test.ts',
      'redirect URIs: … accepts those of a client that is …, and no others',
    ),
    'Codes expire after ten minutes at most.': held(
      'configuration/profiles.test.ts',
      'profiles: a configuration that contradicts … is refused, and reported without the profile',
    ),
    'A code is used once;': held(
      'token/authorization-code.test.ts',
      'code: a second use is refused and revokes what the first issued',
    ),
    'A verifier is sent exactly if': held(
      'token/codes.attack.test.ts',
      'attack: … instead of the verifier is refused and burns the code',
    ),
    'Every endpoint is served over TLS, by the proxy': held(
      'configuration/profiles.test.ts',
      'profiles: an issuer without TLS is reported, and starts for development',
    ),
    'Codes are valid for 60 seconds at most.': held(
      'authorize/fapi-2.test.ts',
      'fapi: a code is valid for a minute, is used once, and requires its verifier',
    ),
    'A code is used once.': held(
      'authorize/fapi-2.test.ts',
      'fapi: a code is valid for a minute, is used once, and requires its verifier',
    ),
    'Browsers are redirected with status 302 or': held(
      'authorize/profiles.test.ts',
      'profiles: a user signs in by … of the profile … with oauth4webapi',
    ),
    'nbf is at most 60 minutes ago': held(
      'authorize/fapi-2.test.ts',
      'fapi: request objects are signed with PS256 and have a limited lifetime',
    ),
  },
  'docs/guides/jarm.md': {
    "An error for a request object that can't": held(
      'authorize/response-jwts.test.ts',
      'JARM: the error for … is a JWT as well',
    ),
    'Seconds until `exp`, at most 600': held(
      'authorize/response-jwts.test.ts',
      'JARM: the lifetime is configurable, up to ten minutes',
    ),
  },
  'docs/guides/request-objects.md': {
    '`nbf` must be at most that': held(
      'authorize/request-object-lifetime.test.ts',
      'par and authorize: with request_object_max_lifetime, a request object that … is …',
    ),
    'The parameter `client_id` is always required': held(
      'authorize/request-object.test.ts',
      'request object: without client_id outside, there are no keys to verify it with',
    ),
    'never: this server stores only their hashes': none('explains'),
    '`oauth-authz-req+jwt`, `JWT`, or none;': held(
      'authorize/request-object.test.ts',
      'request object: one … is refused on an error page',
    ),
    "The address must be one of the client's": held(
      'authorize/request-object.test.ts',
      'request_uri: an unregistered address, or one of another client, is not fetched',
    ),
    'Every address is fetched by https from': held(
      'authorize/request-object.test.ts',
      'request_uri: a private address is not fetched unless allowed, registered or not',
      'authorize/request-object.test.ts',
      'request_uri: an address that … is refused',
    ),
    'The response must be at most 16 KiB,': held(
      'authorize/request-object.test.ts',
      'request_uri: an address that … is refused',
    ),
  },
  'docs/guides/subject-identifiers.md': {
    "the user's `sub`, the same": none('definition'),
    "clients in different sectors can't": held(
      'tokens/correlation.attack.test.ts',
      'attack: two clients of two sectors find nothing in their tokens that identifies the same user or session',
    ),
    'A client without its own host': held(
      'tokens/correlation.attack.test.ts',
      'attack: a private-use scheme with the host of another client, and a loopback host, do not share a sector',
      'tokens/correlation.attack.test.ts',
      'attack: a registered client that gets tokens by another way than its host is not in a host’s sector',
    ),
    'Nobody can derive the user from': held(
      'tokens/pairwise.test.ts',
      'pairwise: the sub differs by user and sector, and clients of one sector get the same',
      'keys/master-key.test.ts',
      'master key: each purpose has its own secret of 32 bytes, the same on every node',
    ),
    'It appears in every token and response:': held(
      'tokens/pairwise.test.ts',
      "pairwise: … gets the same sub in ID token, UserInfo, access token and refresh, and never the user's own",
      'tokens/pairwise.test.ts',
      'pairwise: introspection returns the sub that the client got, for JWT and reference tokens',
      'tokens/pairwise.test.ts',
      'pairwise: a sign-out accepts the hint of its own session, and a logout token has the same sub',
    ),
    "A [self-registered client](client-registration.md) can't change": held(
      'tokens/correlation.attack.test.ts',
      'attack: a client with a refresh token can’t learn identifiers of another sector by updating itself',
    ),
    "For a pairwise client, it can't": held(
      'tokens/pairwise.test.ts',
      'pairwise: an extension grant can’t put another user into a derived token',
    ),
  },
}
