/** Names the tests that hold the absolute sentences of the configuration guide. */

import { held, none, type Rows } from './rows.ts'

export const configuration: Readonly<Record<string, Rows>> = {
  'docs/guides/configuration.md': {
    '`tessera config check FILE` reports every fault in': held(
      'cli/commands.test.ts',
      'cli: config check reports every fault on standard error and exits 1',
    ),
    'An unknown key is a fault: a typing': held(
      'configuration/shape.test.ts',
      'configuration: an unknown key is reported with its path, its client and the nearest known key',
    ),
    '`$schema` is for editors and read by nobody': none('definition'),
    "a standard grant can't be replaced": none('definition'),
    'nobody is cut off, and nobody waits.': held(
      'cli/reload.test.ts',
      'reload: requests that come all the while are all answered, through ten new configurations',
    ),
    "If the store can't be reached just then,": held(
      'flows/reload.test.ts',
      'reload: while the store is away nothing changes, and afterwards it is as if it had not been',
    ),
    'Each time a module is read anew it': none('others’ behaviour'),
    'Such a node puts nobody back but by': held(
      'flows/nodes.test.ts',
      'nodes: a client that was taken out at one gets nothing at the other, whose file still names it',
    ),
    'Connections to PostgreSQL of this process, at most;': held(
      'contracts/postgres-connections.test.ts',
      'postgres connections: fewer than the pool wants serve all requests, and the log says so',
    ),
    '`issuer`: tokens carry it byte for byte, so': held(
      'configuration/shape.test.ts',
      'configuration: the issuer … is refused',
    ),
    '`trust_forwarded_host`: only where every proxy in `trusted_proxies` sets': none('advice'),
    'Who may register: nobody, whoever has an initial': none('definition'),
    'Seconds after which a client that nobody used': none('definition'),
    'A change holds for every registered client from': held(
      'attacks/token-guards.test.ts',
      'registration: a client whose algorithm this server no longer has is unknown until it has it',
    ),
    'at most 256 KiB) that is served.': held(
      'configuration/branding.test.ts',
      'branding: a logo is a picture beside the configuration or lies behind https',
    ),
    'Links at the foot of every page.': held(
      'flows/branding.test.ts',
      'branding: name and links stand on every page',
    ),
    "One that can't be read in its theme": held(
      'configuration/branding.test.ts',
      'branding: a colour that can not be read stops the start, with the nearest that can',
    ),
    'At most 100 of them.': held(
      'configuration/languages.test.ts',
      'configuration languages: there may be many texts, and not any number of them',
    ),
    'What software it is, the same for every': none('definition'),
    'false: every request of it is refused.': held(
      'attacks/clients.test.ts',
      'attack: a disabled client is refused at every endpoint that knows clients',
    ),
    'Addresses that its request objects may be fetched': held(
      'flows/request-object.test.ts',
      'request_uri: an address that is not registered, or not of this client, is not asked',
    ),
    'Every authorization request of it is a signed': held(
      'flows/request-object.test.ts',
      'request object: where signed ones are required, by the client or by the server, nothing else',
    ),
    'Every authorization request of it is pushed (RFC': held(
      'flows/par.test.ts',
      'par: where pushing is required, by the client or by the server, nothing else is taken',
    ),
    'Seconds: max_age of requests that have none.': none('definition'),
    'acr_values of requests that have none.': none('definition'),
    'omitted: ["code"] if it has the authorization_code grant,': held(
      'configuration/defaults.test.ts',
      'configuration: a client without the code grant has no response types unless it names them',
    ),
    'Where codes may be sent, compared byte for': held(
      'attacks/codes.test.ts',
      'attack: a code asked for at one address is not redeemed for …',
    ),
    'they are always sent.': held(
      'flows/endsession.test.ts',
      'front-channel logout: the signed-out page frames each client of the session, and nobody else,',
    ),
    'it is always there.': held(
      'flows/backchannel-logout.test.ts',
      'back-channel logout: each client of the session is posted a logout token of its own',
    ),
    'RFC 6749 §4.1.2 advises at most 600.': none('quotes a specification'),
    'An answer with a token goes through the': none('advice'),
    'exactly, for native applications too': held(
      'kinds/redirect-uris.test.ts',
      'redirect URIs: … takes those of a client that is …, and no other',
    ),
    'The two loopback addresses and `localhost` are three': held(
      'kinds/redirect-uris.test.ts',
      'redirect URIs: … takes those of a client that is …, and no other',
      'flows/native-applications.test.ts',
      'configuration: … is no redirect URI, and the fault says why',
    ),
    '**Redirect URIs** are compared byte for byte, except': held(
      'attacks/token-guards.test.ts',
      'redirect URIs: one loopback address is not the other, and only loopback takes any port',
      'flows/authorize.test.ts',
      'authorize: … is answered by an error page and never by a redirect',
    ),
    'Each entry has exactly one of `value`, `sha256`': held(
      'configuration/defaults.test.ts',
      'configuration: each secret is given in exactly one form',
    ),
    'Unique for the issuer, whatever the tenant: at': held(
      'configuration/rules.test.ts',
      'configuration: a second … is refused',
    ),
    'empty: all, and users of none.': none('definition'),
    'no other is asked for, and none counts.': held(
      'flows/federation.test.ts',
      'federation: amr and acr of the provider count only where the configuration says so',
    ),
    'none: passwords cross the network in the clear;': none('definition'),
    'What a user is known by for ever:': none('advice'),
    'every other key that is not the whole': none('definition'),
    'a scope that nobody registered': none('names a case'),
    "a name that can't stand in an address;": none('names a case'),
    'none, with the `authorization_code` grant;': none('names a case'),
    'one that no grant serves, or none for': none('names a case'),
    '`oidc` without `issuer` or `client_id`, with a name': none('names a case'),
    "not 32 bytes, or a file that can't": none('names a case'),
    'secrets that its method never uses;': none('names a case'),
  },
}
