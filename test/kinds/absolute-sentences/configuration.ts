/** Names the tests that verify the absolute sentences of the configuration guide. */

import { held, none, type Rows } from './rows.ts'

export const configuration: Readonly<Record<string, Rows>> = {
  'docs/guides/claims.md': {
    "**Claims of the server:** a rule can't set": held(
      'tokens/claim-rules.property.test.ts',
      'claim rules: whatever the rules and the user, no rule gives a claim that only this server may set',
    ),
  },
  'docs/guides/hooks.md': {
    'After `tessera clients revoke`, the server refuses tokens': held(
      'token/previous-refresh-token.test.ts',
      'previous refresh token: one from before the client was revoked is refused, and one of a later sign-in is redeemed',
    ),
    'It is redeemed once': held(
      'token/previous-refresh-token.test.ts',
      'previous refresh token: of concurrent redemptions at two nodes one wins, and every later one is refused',
    ),
  },
  'docs/guides/configuration.md': {
    'Which hosts can have clients': none('definition'),
    '`off`: none is valid.': held(
      'registration/sealed-clients.test.ts',
      'sealed clients: ids that were issued stay valid with mode accept or closed registration, and not with mode off',
    ),
    'Seconds for which a document is used at least': held(
      'registration/client-documents.test.ts',
      'client documents: a document is used as long as its headers say',
    ),
    'Seconds for which a document is used at most': held(
      'registration/client-documents.test.ts',
      'client documents: a document is used as long as its headers say',
    ),
    "The client's id: printable ASCII": held(
      'configuration/rules.test.ts',
      'configuration: a client_id has 100 characters at most, or 1024 if it is a URL',
    ),
    '`tessera config check FILE` reports every error': held(
      'cli/commands.test.ts',
      'cli: config check reports every error on standard error and exits 1',
    ),
    'An unknown key is an error, because': held(
      'configuration/keys.test.ts',
      'configuration: an unknown key is reported with its path, its client and the nearest known key',
    ),
    "a standard grant can't be replaced": none('definition'),
    'Current requests finish with the previous': held(
      'cli/reload.test.ts',
      'reload: continuous requests all get responses, through ten new configurations',
    ),
    "the store can't be reached": held(
      'operations/reload.test.ts',
      'reload: while the store is unreachable nothing changes, and a later reload works as if it were the first',
    ),
    "A module can't be reloaded, because Node reads it once": held(
      'cli/reload.test.ts',
      'reload: a module is refused with the fix, and a worker that is restarted reads it',
    ),
    "Such a node can't enable them again": held(
      'operations/nodes.test.ts',
      'nodes: a client removed at one is refused by the other, though its file still contains it',
    ),
    '`issuer`: tokens contain it byte for byte,': held(
      'configuration/keys.test.ts',
      'configuration: the issuer … is refused',
    ),
    '`trust_forwarded_host`: only for tenants by host,': none('advice'),
    'Who can register clients: no one,': none('definition'),
    'Changes apply to every registered client.': held(
      'token/token-guards.attack.test.ts',
      'registration: a client whose algorithm this server no longer supports is unknown until the algorithm is supported again',
    ),
    'at most 256 KiB).': held(
      'configuration/branding.test.ts',
      'branding: a logo is a file next to the configuration or has an https URL',
    ),
    'Links at the bottom of every page.': held(
      'pages/branding.test.ts',
      'branding: name and links are on every page',
    ),
    "A color that can't be read in its theme": held(
      'configuration/branding.test.ts',
      'branding: an unreadable colour stops the start, and the error has the nearest readable one',
    ),
    'At most 100 of them.': held(
      'configuration/languages.test.ts',
      'configuration languages: the number of texts is limited',
    ),
    'Identifier of the software, the same': none('definition'),
    'false: every request of the client': held(
      'clients/clients.attack.test.ts',
      'attack: a disabled client is refused at every endpoint that authenticates clients',
    ),
    'URLs of request objects, compared': held(
      'authorize/request-object.test.ts',
      'request_uri: an unregistered address, or one of another client, is not fetched',
    ),
    'Every authorization request must be a signed': held(
      'authorize/request-object.test.ts',
      'request object: if the client or the server requires signed ones, others are refused',
    ),
    'Every authorization request must ask for a response in a JWT': held(
      'authorize/response-jwts.test.ts',
      'JARM: a client or a server can require it; the error for another mode is signed',
    ),
    'Every authorization request must be pushed': held(
      'authorize/par.test.ts',
      'par: if the client or the server requires pushed requests, others are refused',
    ),
    'Omitted: ["code"] with the authorization_code': held(
      'configuration/defaults.test.ts',
      'configuration: a client without the code grant has no response types by default',
    ),
    'Redirect URIs, compared byte for byte': held(
      'token/codes.attack.test.ts',
      'attack: a code for one redirect URI can’t be redeemed with …',
    ),
    'they are always sent.': held(
      'sessions/endsession.test.ts',
      'front-channel logout: the signed-out page frames exactly the clients of the session, with iss and sid',
    ),
    'it is always included.': held(
      'sessions/backchannel-logout.test.ts',
      'back-channel logout: each client of the session receives its own logout token',
    ),
    'RFC 6749 §4.1.2 recommends at most': none('quotes a specification'),
    'Tokens in a response pass through': none('advice'),
    '`127.0.0.1`, `[::1]` and `localhost` are different': held(
      'kinds/redirect-uris.test.ts',
      'redirect URIs: … accepts those of a client that is …, and no others',
      'authorize/native-applications.test.ts',
      'configuration: … is not a valid redirect URI, and the error says why',
    ),
    '**Redirect URIs** are compared byte for byte, except': held(
      'token/token-guards.attack.test.ts',
      'redirect URIs: loopback addresses are distinct, and only loopback matches any port',
      'authorize/authorize.test.ts',
      'authorize: … gets an error page and never a redirect',
    ),
    'Each entry has exactly one of `value`, `sha256`, `sha512`': held(
      'configuration/defaults.test.ts',
      'configuration: each secret is given in exactly one form',
    ),
    'Unique for the issuer, in all tenants: at': held(
      'configuration/rules.test.ts',
      'configuration: a second … is refused',
    ),
    'none: passwords are sent unencrypted;': none('definition'),
    'Permanent identifier of a user:': none('advice'),
    'every other key that is not the whole': none('definition'),
    'none: frames of other sites receive the session': none('definition'),
    "Settings that clients can't choose, by the keys": none('definition'),
    "A client that can't keep a secret (browser, phone,": none('definition'),
    "Users can't clear it on the consent page.": held(
      'consent/consent.test.ts',
      'consent: a scope that was not shown can’t be checked, and a required scope can’t be omitted',
    ),
  },
}
