/** Names the tests that verify the absolute sentences about endpoints that browsers visit. */

import { held, none, type Rows } from './rows.ts'

export const pages: Readonly<Record<string, Rows>> = {
  'docs/endpoints/account.md': {
    'Every sign-in option of the server is offered.': held(
      'federation/federation.test.ts',
      'federation: a federated user can open an account page',
    ),
    'Registered clients are never listed as applications.': held(
      'accounts/applications.test.ts',
      'applications: self-registered clients are not listed, whatever their metadata',
    ),
    'Every sensitive action requires a sign-in within the last': held(
      'kinds/step-up.test.ts',
      'account: each action has a row with its requirements',
      'kinds/step-up.test.ts',
      'account: ten minutes after the sign-in, … …',
    ),
  },
  'docs/endpoints/authorize.md': {
    'Must match a registered URI byte for byte, except': held(
      'kinds/redirect-uris.test.ts',
      'redirect URIs: … accepts those of a client that is …, and no others',
      'token/token-guards.attack.test.ts',
      'redirect URIs: loopback addresses are distinct, and only loopback matches any port',
      'authorize/authorize.test.ts',
      'authorize: … gets an error page and never a redirect',
    ),
    'Every scope must exist and be allowed to the client.': held(
      'authorize/authorize.test.ts',
      'authorize: … redirects an error to the client, with the state and without a code',
    ),
    'Every public client must use PKCE, as must clients': held(
      'authorize/native-applications.test.ts',
      'pkce: a response to a private-use scheme needs a code challenge, regardless of the configuration',
      'authorize/authorize.test.ts',
      'authorize: … redirects an error to the client, with the state and without a code',
      'token/authorization-code.test.ts',
      'pkce: a client that requires PKCE gets no code without a challenge',
    ),
    'Codes can be used once, for `authorization_code_lifetime` seconds.': held(
      'authorize/authorize.attack.test.ts',
      'attack: concurrent redemptions of a code yield tokens once, and all of them are revoked',
      'token/authorization-code.test.ts',
      'code: a hundred concurrent uses return tokens once',
    ),
    "Use the other response types only for clients that can't.": none('advice'),
    'A session without a tenant never matches a request': held(
      'authorize/authorize.test.ts',
      'authorize: a session of another tenant does not count',
      'authorize/authorize.test.ts',
      'authorize: a session of a provider that the client may not use does not count',
      'authorize/authorize.test.ts',
      'authorize: idp:NAME redirects to that provider, and a session of another does not count',
    ),
    'The **consent page**, for `prompt=consent`, or with `require_consent` until': held(
      'consent/consent.test.ts',
      'consent: a wider scope is asked for, and earlier consent remains',
    ),
    'The pending request travels through the pages encrypted (AES-256-GCM)': held(
      'authorize/sealed.attack.test.ts',
      'authorize: a pushed request is unreadable in every URL and form of the sign-in',
      'authorize/authorize.test.ts',
      'authorize: a changed continuation is refused without a code',
    ),
    "A pushed or encrypted request therefore can't be read": held(
      'authorize/sealed.attack.test.ts',
      'authorize: a pushed request is unreadable in every URL and form of the sign-in',
    ),
    'Every response except `login_required` contains `session_state` for [check': held(
      'sessions/checksession.test.ts',
      'check session: errors about a signed-in user contain session_state, login_required does not',
      'sessions/checksession.test.ts',
      'check session: a form post contains session_state, unless the client has no origin',
    ),
    'Until the client and `redirect_uri` are verified, an error': held(
      'authorize/authorize.test.ts',
      'authorize: … gets an error page and never a redirect',
    ),
    "This sign-in can't reach an essential `acr`.": none('names a case'),
    "Every page loads only this server's stylesheet, its script": held(
      'sign-in/login.test.ts',
      'login: pages can’t be framed or cached, and load nothing from other origins',
      'http/headers.attack.test.ts',
      'headers: every page and redirect, at every issuer, forbids caching, framing, sniffing and referrers',
    ),
  },
  'docs/endpoints/checksession.md': {
    '`session_state` is in every authorization response whose redirect': held(
      'sessions/checksession.test.ts',
      'check session: errors about a signed-in user contain session_state, login_required does not',
      'sessions/checksession.test.ts',
      'check session: a form post contains session_state, unless the client has no origin',
    ),
    'It is set by every sign-in, including those at': held(
      'sessions/checksession.test.ts',
      'check session: a sign-in at the account pages changes the state too',
      'sessions/checksession.test.ts',
      'check session: session_state matches until the sign-out, and a new sign-in changes it',
    ),
    'Browsers that block third-party cookies in iframes always get': none('others’ behaviour'),
  },
  'docs/endpoints/device.md': {
    'Requests without a session can': held(
      'sign-in/guesses.attack.test.ts',
      'attack: strangers behind the same address who guess device codes do not lock out a signed-in user',
      'sign-in/guesses.attack.test.ts',
      'attack: of a hundred device codes entered at once, ten are looked up',
    ),
    'Clearing every box counts as a denial.': held(
      'device/device.test.ts',
      'device: unchecked scopes are not granted, required ones are, and clearing every box is a refusal',
    ),
    'Processes share the counters, and none is lost on': held(
      'sign-in/guesses.attack.test.ts',
      'attack: two processes on one store share the counters, which survive a restart',
    ),
  },
  'docs/endpoints/endsession.md': {
    "Must match one of the client's `post_logout_redirect_uris` byte for": held(
      'sessions/endsession.test.ts',
      'endsession: an unregistered URI is ignored, and the user is still signed out',
    ),
    'With frames, a script continues as soon as every': held(
      'browser/sign-out.test.ts',
      'browser: signing out notifies each client by iframe and logout token, then redirects back, …',
      'browser/sign-out.test.ts',
      'browser: without scripts the signed-out page has an immediate link back',
    ),
  },
  'docs/endpoints/federation.md': {
    'The response is always 200 and can be framed': held(
      'federation/federation-logout.test.ts',
      'federation logout: a hidden frame of the provider ends the session that it identifies',
    ),
    "The provider can't be reached.": none('names a case'),
  },
  'docs/endpoints/mfa.md': {
    'A pending sign-in can only be used once, within': held(
      'mfa/mfa.attack.test.ts',
      'attack: a pending sign-in is bound to its browser, short-lived and used once',
    ),
  },
}
