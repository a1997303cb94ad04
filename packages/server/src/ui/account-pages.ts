/** The account pages: what a signed-in user sees of themself. */

import type { FieldLink } from './field-pages.ts'
import { type ScopeLine, scopeText } from './scope-text.ts'
import type { Page, PageForm, Show } from './show.ts'
import type { Texts } from './texts.ts'
import { timeAgo } from './time-ago.ts'

export type ProfilePage = {
  readonly username?: string
  readonly name?: string
  readonly email?: string
  readonly email_verified?: boolean
  /** The provider that knows the user; undefined: this server. */
  readonly provider?: string
  /** Where the user changes what is kept here. */
  readonly changes: readonly FieldLink[]
  /** Where sign-ins at applications begin. */
  readonly applications: readonly { readonly name: string; readonly href: string }[]
}

export type SessionsPage = {
  readonly form: PageForm
  /** Where the user signs out of this one. */
  readonly signOut: string
  readonly sessions: readonly SessionLine[]
}

export type SessionLine = {
  readonly sid: string
  /** The one that looks at the page. */
  readonly current: boolean
  readonly browser?: string
  readonly system?: string
  /** When it was used last, and how long ago, in seconds. */
  readonly seen: { readonly at: number; readonly ago: number }
  readonly address?: string
}

export type ConnectionsPage = {
  readonly form: PageForm
  readonly connections: readonly {
    readonly provider: string
    readonly identity: string
    readonly name: string
    readonly label?: string
    readonly since: number
  }[]
  /** Providers that can be added. */
  readonly others: readonly { readonly provider: string; readonly name: string }[]
}

export type SecurityPage = {
  readonly form: PageForm
  readonly hasApp: boolean
  readonly passkeys: readonly PasskeyLine[]
  readonly recoveryCodes: number
  /** What may be set up, and where. */
  readonly adding: readonly { readonly method: 'totp' | 'passkey'; readonly href: string }[]
  /** The last factor can't go where one is required. */
  readonly problem?: 'lastFactor'
}

/** Seconds since it was used, else since it was set up. */
export type PasskeyLine = {
  readonly id: string
  /** Empty: it has none. */
  readonly name: string
} & ({ readonly usedAgo: number } | { readonly addedAgo: number })

export type ConsentsPage = {
  readonly form: PageForm
  readonly consents: readonly {
    readonly client_id: string
    readonly client: string
    readonly scopes: readonly ScopeLine[]
    /** Seconds since the epoch. */
    readonly since: number
    /** Whether it answers for the user, and until when; without an end: for ever. */
    readonly remembered: boolean
    readonly until?: number
  }[]
  /** The client whose access was just removed. */
  readonly removed?: string
}

export type AccountPages = {
  readonly consents: Page<ConsentsPage>
  readonly security: Page<SecurityPage>
  readonly profile: Page<ProfilePage>
  readonly sessions: Page<SessionsPage>
  readonly connections: Page<ConnectionsPage>
}

export const createAccountPages = (show: Show): AccountPages => ({
  consents: (request, data, context = {}) =>
    show(request, 'account-consents', context, texts => {
      const { consents } = texts.account
      const dates = new Intl.DateTimeFormat(texts.lang, { dateStyle: 'long', timeZone: 'UTC' })
      const date = (seconds: number): string => dates.format(seconds * 1000)
      return {
        form: data.form,
        title: consents.title,
        removed: data.removed === undefined ? undefined : consents.removed(data.removed),
        consents: data.consents.map(({ client_id, client, scopes, since, remembered, until }) => ({
          ...{ client_id, client },
          scopes: scopes.map(scope => scopeText(scope, texts)),
          when: consents.since(date(since)),
          remembered: remembered
            ? until === undefined
              ? undefined
              : consents.until(date(until))
            : consents.once,
        })),
      }
    }),
  profile: (request, data, context = {}) =>
    show(request, 'account-profile', context, texts => {
      const { account } = texts
      const { username, name, email, email_verified, provider, applications, changes } = data
      const shown: readonly (readonly [term: string, value: string | undefined])[] = [
        [account.profile.username, username],
        [account.profile.name, name],
        [account.profile.email, email],
        [
          account.profile.emailState,
          email && (email_verified ? account.profile.verified : account.profile.unverified),
        ],
        [account.profile.provider, provider],
      ]
      return {
        title: account.profile.title,
        applications,
        changes: changes.map(({ to, href }) => ({ href, text: texts.fields.links[to] })),
        details: shown.filter(([, value]) => value !== undefined),
      }
    }),
  security: (request, data, context = {}) =>
    show(request, 'account-security', context, ({ account: { security }, passkey, lang }) => ({
      ...data,
      title: security.title,
      hasFactor: data.hasApp || data.passkeys.length > 0,
      passkeys: data.passkeys.map(line => ({
        ...line,
        shown: line.name === '' ? passkey.unnamed : line.name,
        when:
          'usedAgo' in line
            ? security.used(timeAgo(line.usedAgo, lang))
            : security.added(timeAgo(line.addedAgo, lang)),
      })),
      problem: data.problem && security[data.problem],
    })),
  sessions: (request, data, context = {}) =>
    show(request, 'account-sessions', context, texts => ({
      ...data,
      title: texts.account.sessionList.title,
      sessions: data.sessions.map(({ seen, ...session }) => ({
        ...session,
        name: nameOf(session, texts),
        seen: texts.account.sessionList.seen(timeAgo(seen.ago, texts.lang)),
        time: new Date(seen.at * 1000).toISOString(),
      })),
    })),
  connections: (request, data, context = {}) =>
    show(request, 'account-connections', context, texts => ({
      ...data,
      title: texts.account.connections.title,
      connections: data.connections.map(({ since, ...connection }) => {
        const at = new Date(since * 1000)
        const date = new Intl.DateTimeFormat(texts.lang, { dateStyle: 'medium', timeZone: 'UTC' }).format(at)
        return {
          ...connection,
          time: at.toISOString(),
          since: texts.account.connections.since(date),
        }
      }),
    })),
})

const nameOf = (
  { browser, system }: Pick<SessionLine, 'browser' | 'system'>,
  { account: { sessionList } }: Texts,
): string =>
  browser !== undefined && system !== undefined
    ? sessionList.browserOn(browser, system)
    : (browser ?? system ?? sessionList.unknown)
