/** Names the tests that hold the absolute sentences of the descriptions of endpoints that browsers visit. */

import { held, none, type Rows } from './rows.ts'

export const pages: Readonly<Record<string, Rows>> = {
  'docs/endpoints/account.md': {
    'Every way of signing in that the server': held(
      'flows/federation.test.ts',
      'federation: an account page lets a user of a provider in',
    ),
    'Clients that registered themselves are not listed, whatever': held(
      'flows/applications.test.ts',
      'applications: clients that registered themselves are not listed, whatever they say',
    ),
    'What must not be open to whoever finds': held(
      'kinds/step-up.test.ts',
      'account: each action has a row that says what it asks for',
      'kinds/step-up.test.ts',
      'account: ten minutes after the sign-in, … …',
    ),
  },
  'docs/endpoints/authorize.md': {
    'byte for byte a registered one, except for the': held(
      'kinds/redirect-uris.test.ts',
      'redirect URIs: … takes those of a client that is …, and no other',
      'attacks/token-guards.test.ts',
      'redirect URIs: one loopback address is not the other, and only loopback takes any port',
      'flows/authorize.test.ts',
      'authorize: … is answered by an error page and never by a redirect',
    ),
    'every name registered and allowed to the client.': held(
      'flows/authorize.test.ts',
      'authorize: … is told to the client, with the state and without a code',
    ),
    'Required with `require_pkce`, of every public client, and': held(
      'flows/native-applications.test.ts',
      'pkce: a response to the scheme of an application needs a code challenge, whatever the client is configured to',
      'flows/authorize.test.ts',
      'authorize: … is told to the client, with the state and without a code',
      'flows/authorization-code.test.ts',
      'pkce: a code without a challenge is refused to a client that must use PKCE',
    ),
    '`code`: `tc_…`, one use, `authorization_code_lifetime` seconds.': held(
      'attacks/authorize.test.ts',
      'attack: a code that many redeem at once brings tokens once, and none of all its tokens is left',
      'flows/authorization-code.test.ts',
      'code: a hundred uses at once give tokens once',
    ),
    "the others are there for those that can't.": none('advice'),
    'if the session is of another tenant (none': held(
      'flows/authorize.test.ts',
      'authorize: a session of another tenant does not count',
      'flows/authorize.test.ts',
      'authorize: a session of a provider that the client may not use does not count',
      'flows/authorize.test.ts',
      'authorize: idp:NAME goes straight to that provider, and a session of another does not count',
    ),
    'or with `require_consent` until the user has agreed': held(
      'flows/consent.test.ts',
      'consent: a wider scope is asked for, and what was agreed to before stays',
    ),
    'The request travels through the pages encrypted (AES-256-GCM)': held(
      'attacks/sealed.test.ts',
      'authorize: a pushed request stays unreadable in every address and form of the sign-in',
      'flows/authorize.test.ts',
      'authorize: a changed continuation is refused without a code',
    ),
    "So a pushed or encrypted request can't be": held(
      'attacks/sealed.test.ts',
      'authorize: a pushed request stays unreadable in every address and form of the sign-in',
    ),
    'Every answer but `login_required` carries `session_state` for [check': held(
      'flows/checksession.test.ts',
      'check session: session_state is in errors about someone who is signed in, not in login_required',
      'flows/checksession.test.ts',
      'check session: session_state is in a form post too, and not where the client has no origin',
    ),
    'Until client and `redirect_uri` are proven to belong': held(
      'flows/authorize.test.ts',
      'authorize: … is answered by an error page and never by a redirect',
    ),
    "an `acr` that the client can't do without": none('names a case'),
    'Pages load nothing but the one stylesheet and': held(
      'flows/login.test.ts',
      'login: pages can not be framed, cached or made to load from elsewhere',
      'attacks/headers.test.ts',
      'headers: every page and redirect, at every issuer, is kept by no cache, framed by nobody,',
    ),
  },
  'docs/endpoints/checksession.md': {
    '`session_state` comes with every authorization response whose redirection': held(
      'flows/checksession.test.ts',
      'check session: session_state is in errors about someone who is signed in, not in login_required',
      'flows/checksession.test.ts',
      'check session: session_state is in a form post too, and not where the client has no origin',
    ),
    'It is set by every sign-in, also one': held(
      'flows/checksession.test.ts',
      'check session: a sign-in at the account pages changes the state too',
      'flows/checksession.test.ts',
      'check session: session_state fits until the sign-out, and a new sign-in has another',
    ),
    'Browsers that keep third-party cookies from frames answer': none('others’ behaviour'),
  },
  'docs/endpoints/device.md': {
    'Who is signed in is counted by themself:': held(
      'attacks/guesses.test.ts',
      'attack: strangers behind the same address, who guess device codes, keep nobody out who is',
      'attacks/guesses.test.ts',
      'attack: of a thousand device codes typed at once ten are looked for',
    ),
    'Processes share the count, and a restart forgets': held(
      'attacks/guesses.test.ts',
      'attack: two processes on one store share the count, and a restart forgets none',
    ),
  },
  'docs/endpoints/endsession.md': {
    'where the browser goes afterwards: byte for byte': held(
      'flows/endsession.test.ts',
      'endsession: an unregistered URI is dropped, and the user is still signed out',
    ),
    'With frames the page leads on with scripts': held(
      'browser/sign-out.test.ts',
      'browser: signing out tells each client by a frame and by a logout token, then leads back, …',
      'browser/sign-out.test.ts',
      'browser: without scripts the signed-out page has a link that leads back at once',
    ),
  },
  'docs/endpoints/federation.md': {
    'always 200, framable by the provider only': held(
      'flows/federation-logout.test.ts',
      'federation logout: a hidden frame of the provider ends the session that it names',
    ),
    "the provider can't be reached": none('names a case'),
  },
  'docs/endpoints/mfa.md': {
    'Where nobody waits any more (the pending sign-in': held(
      'attacks/mfa.test.ts',
      'attack: a pending sign-in is bound to its browser, short-lived and used once',
    ),
  },
}
