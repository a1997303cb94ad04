/** Names the tests that verify the absolute sentences about accounts, sign-in, sessions and pages. */

import { held, none, type Rows } from './rows.ts'

export const people: Readonly<Record<string, Rows>> = {
  'docs/guides/accounts.md': {
    "They can't sign in (`stored_user_hidden` in the log)": held(
      'accounts/hidden-users.attack.test.ts',
      'attack: a stored user with the sub of a configured user can’t sign in as them',
      'accounts/hidden-users.attack.test.ts',
      'attack: sessions and tokens of a stored user are not those of a configured user with the same sub',
    ),
    'Passkeys and accounts at providers of this `sub` sign nobody in': held(
      'accounts/hidden-users.attack.test.ts',
      'attack: a passkey of a stored user does not sign in as a configured user with the same sub',
      'accounts/hidden-users.attack.test.ts',
      'attack: an account at a provider (linking: …) that a stored user has does not sign in as a configured user',
    ),
    'Scopes, sessions and everything else are': held(
      'accounts/accounts.test.ts',
      'accounts: a profile hook receives stored users like any other',
      'accounts/accounts.test.ts',
      'accounts: a stored user signs in at the page and by the password grant, in any spelling of the',
    ),
    'If several configured users have the same address': held(
      'kinds/two-paths.test.ts',
      'two paths: an address that two users have confirmed signs in neither; a user with it as name can sign in',
    ),
    '`--claims` adds other claims': held(
      'cli/groups-and-roles.test.ts',
      'cli: an error in groups and roles is reported, and nothing changes',
    ),
    'Passwords are read from standard input, hidden': held(
      'cli/users.test.ts',
      'cli: users are added, listed, disabled, enabled and given passwords while the server runs',
    ),
    "In a tenant that shares the server's issuer, nobody": held(
      'accounts/sign-up.test.ts',
      'sign-up: a tenant that does not allow sign-up offers none',
    ),
    "A name that a user chooses can't contain": held(
      'accounts/names.attack.test.ts',
      "names: an unverified address can't be chosen as a user name at sign-up",
    ),
    'Deletion is one write:': held(
      'accounts/account-deletion.test.ts',
      'deletion: the account and its data are removed, the browser is signed out, and the owner is notified',
      'contracts/sqlite.test.ts',
      'sqlite: after kill -9, the end of a user’s access is complete or absent',
    ),
    'The server keeps only the `sub`, which is never': held(
      'contracts/stores/access.ts',
      'access: a deleted user is gone with all their rows, and their sub is never accepted again',
    ),
    'Links are valid for one hour and can be used once.': held(
      'accounts/mail-links.attack.test.ts',
      'confirmation: a link works once, even if the address changes away and back within a second',
      'accounts/mail-links.attack.test.ts',
      'reset: a link works once, even if the old password is chosen again',
      'accounts/accounts.attack.test.ts',
      'attack: a reset link is invalid after a change of the password or the address, or when the user is disabled',
      'accounts/accounts.attack.test.ts',
      'attack: a modified, swapped or hour-old link does not work',
    ),
    "It can't create a second account": held(
      'accounts/mail-links.attack.test.ts',
      'sign-up: a link creates no second account after the first one is deleted',
    ),
    'Setting a new password signs nobody in': held(
      'accounts/accounts.attack.test.ts',
      'reset: the link sets a new password, ends every session and token, and notifies the user',
    ),
    "A stranger can't trick a user": held(
      'accounts/accounts.attack.test.ts',
      'attack: a victim can’t be tricked into confirming their address for a stranger’s account',
    ),
    'An account, under any of its names': held(
      'accounts/account-deletion.test.ts',
      'forgotten: an account is sent at most five emails an hour, whichever of its names is entered',
      'accounts/sign-up.test.ts',
      'sign-up: a network and an address are sent a limited number of mails, regardless of who requests them',
    ),
    'Email is composed and sent after the': held(
      'accounts/accounts.attack.test.ts',
      'attack: a response does not wait for its mail',
    ),
    'retried after 10 s, 1 min': held(
      'accounts/mail.test.ts',
      'mail: is sealed in the store, with its address and link',
      'accounts/mail.test.ts',
      'mail: survives the server that wrote it, and one of two servers sends it',
      'accounts/mail.test.ts',
      'mail: undelivered mail waits in the store, is retried, and is sent once',
    ),
    'An email with an expired link is never': held(
      'accounts/mail.test.ts',
      'mail: is given up when its link has expired',
      'accounts/mail.test.ts',
      'mail: mail for an address without a mailbox is abandoned immediately',
    ),
    'Known and unknown names are treated alike.': held(
      'clients/clients.attack.test.ts',
      'attack: after a hundred guesses of a password, concurrent or not, the name must wait, known or unknown',
      'accounts/accounts.attack.test.ts',
      'attack: unknown names, wrong passwords and disabled stored users get the same response',
    ),
    "Strangers can't lock a user out of a browser": held(
      'sign-in/known-browsers.attack.test.ts',
      'attack: a user can sign in from a known browser while others exhaust the guesses for the name',
    ),
  },
  'docs/guides/mfa.md': {
    'Second factors work alike for configured': held(
      'mfa/mfa.test.ts',
      'mfa: the same policy applies to federated users',
      'mfa/mfa.test.ts',
      'mfa: a user without a required factor sets up an app, gets ten codes and is signed in',
    ),
    'a user with none enrolls while': held(
      'mfa/mfa.test.ts',
      'mfa: a user without a required factor sets up an app, gets ten codes and is signed in',
    ),
    "Users can't add a factor that": held(
      'accounts/account-security.test.ts',
      'security: when disabled, nothing can be set up',
    ),
    'A session that was created under a weaker': held(
      'mfa/mfa.test.ts',
      'mfa: a client’s policy applies to its users, and an existing session must add what it lacks',
      'mfa/mfa.test.ts',
      'mfa: an application that requires more asks a signed-in user only for the second factor',
    ),
    'The pending sign-in has a separate cookie': held(
      'mfa/mfa.attack.test.ts',
      'attack: the cookie of a pending sign-in is not accepted as a session cookie',
      'mfa/mfa.attack.test.ts',
      'attack: a pending sign-in is bound to its browser, short-lived and used once',
    ),
    'A code is used once, by a compare-and-set': held(
      'mfa/mfa.attack.test.ts',
      'attack: one of many concurrent uses of an app’s code succeeds',
      'mfa/mfa.attack.test.ts',
      'attack: two servers on one store accept a code once',
    ),
    'Each of the ten codes has 50 bits': held(
      'contracts/stores/factors.ts',
      'recovery codes: each is used once; new ones replace all',
      'mfa/mfa.attack.test.ts',
      'attack: one of a hundred concurrent uses of a recovery code succeeds',
    ),
    "The relying party is the issuer's host, and": held(
      'mfa/mfa.attack.test.ts',
      'attack: a passkey response … is refused, at sign-in and at registration',
    ),
    "An IP address can't be a relying": held(
      'mfa/passkeys.test.ts',
      'passkeys: they are not offered without local sign-in, when disabled, or at an IP address',
    ),
    'Challenges are bound to the browser and to': held(
      'mfa/mfa.attack.test.ts',
      'attack: a passkey response counts once, in its browser, within ten minutes, for its purpose',
    ),
    'A user can have at most ten': held(
      'mfa/passkeys.test.ts',
      'passkeys: an existing one is excluded, and ten are the limit',
    ),
    'Changing factors always requires the': held(
      'kinds/step-up.test.ts',
      'account: in a remembered browser, … … second factor',
    ),
    "The last factor can't be removed": held(
      'accounts/account-security.test.ts',
      'security: the last factor can’t be removed where one is required',
    ),
  },
  'docs/guides/pages.md': {
    'Every page is a plain form that works': held(
      'browser/code-and-device.test.ts',
      'browser: the code flow ends in tokens, …',
      'mfa/mfa.test.ts',
      'mfa: the pages work without scripts, load nothing from other origins and have no inline style',
    ),
    "If a template can't be read,": held(
      'pages/branding.test.ts',
      'templates: a template that fails is logged, the built-in one is used, and sign-in works',
    ),
    'API endpoints such as `/connect/token` send': held(
      'pages/error-pages.test.ts',
      'error pages: a method that a page does not support gets a page with Allow; an endpoint responds with JSON',
    ),
  },
  'docs/guides/sessions.md': {
    'One stored time decides, as for a client: what counts is when': held(
      'federation/federation-guards.attack.test.ts',
      'federation: after a revocation, users sign in with an earlier sign-in at the provider, and that lasts',
    ),
    '`users revoke` ends every session and sign-in in progress': held(
      'tokens/revoked-access.test.ts',
      'revoking a user: tokens, codes and device codes of every client end, and the user can sign in again',
    ),
    'Browsers send cookies to every port of a': held(
      'kinds/browser-rules.test.ts',
      'browser rules: cookies ignore ports, and a sign-in or sign-out at one server of a host does not affect the other: …',
    ),
    'A user has a thousand sessions at most.': held(
      'http/limits.attack.test.ts',
      'attack: a user who signs in endlessly has at most a thousand sessions, and the least recently used one is removed',
    ),
    'A use is recorded every five minutes': held(
      'sessions/sessions.test.ts',
      'session: several uses within a short time are written once',
    ),
    '`absolute_lifetime` (10 hours): the limit, whatever the': held(
      'sessions/sessions.test.ts',
      'session: each use extends the idle timeout up to the absolute end',
    ),
    'If an API verifies JWTs itself,': none('names a limit of the promise'),
    'Every client that received something in': held(
      'sessions/backchannel-logout.test.ts',
      'back-channel logout: each client of the session receives its own logout token',
    ),
    'At most 50 clients are framed.': held(
      'sessions/endsession.test.ts',
      'front-channel logout: of very many clients as many are framed as the address allows, and all get a back-channel request',
    ),
    'Otherwise, the notification is retried for a': held(
      'sessions/backchannel-logout.test.ts',
      'back-channel logout: a failure is retried at growing intervals with a new token until it is delivered',
      'sessions/backchannel-logout.test.ts',
      'back-channel logout: a notice that is never accepted is given up within a day and logged as an error',
    ),
    'A client that does not respond gets': held(
      'http/limits.attack.test.ts',
      'attack: a client that never responds does not delay another client’s logout tokens',
      'outbound/outbound-slots.attack.test.ts',
      'attack: clients that do not respond to logout tokens do not block others',
    ),
  },
}
