/** The view functions of the account pages. */

import type { Page, PageForm, Show } from './render.ts'
import { type ScopeLine, scopeText } from './scope-text.ts'
import type { Texts } from './texts.ts'
import { timeAgo } from './words.ts'

export type ProfilePage = {
  readonly username?: string
  readonly name?: string
  readonly email?: string
  readonly email_verified?: boolean
  /** The provider of the user; undefined: this server. */
  readonly provider?: string
  /** URLs for changing a stored account; undefined for other accounts. */
  readonly changes?: { readonly name: string; readonly email?: string }
  /** The URL for deleting the account, if the operator allows it. */
  readonly deletion?: string
  /** URLs at which sign-ins to applications start. */
  readonly applications: readonly { readonly name: string; readonly href: string }[]
}

type SessionsPage = {
  readonly form: PageForm
  /** The URL for signing out of this session. */
  readonly signOut: string
  /** Whether the user has a password to change. */
  readonly hasPassword: boolean
  readonly sessions: readonly SessionLine[]
}

type SessionLine = {
  readonly sid: string
  /** The session of this browser. */
  readonly current: boolean
  readonly browser?: string
  readonly system?: string
  /** When it was last used, and how long ago, in seconds. */
  readonly seen: { readonly at: number; readonly ago: number }
  readonly address?: string
}

type ConnectionsPage = {
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

type SecurityPage = {
  readonly form: PageForm
  /** The authenticator app, if there is one. */
  readonly app?: { readonly addedAgo: number }
  readonly passkeys: readonly PasskeyLine[]
  readonly recoveryCodes: number
  /** Factors that can be set up, and their URLs. */
  readonly adding: readonly { readonly method: 'totp' | 'passkey'; readonly href: string }[]
  /** The last factor can't be removed if one is required. */
  readonly problem?: 'lastFactor'
}

/** Seconds since its last use, or since it was set up if it was never used. */
type PasskeyLine = {
  readonly id: string
  /** Empty if it has no name. */
  readonly name: string
} & ({ readonly usedAgo: number } | { readonly addedAgo: number })

export type ConsentsPage = {
  readonly form: PageForm
  readonly consents: readonly {
    readonly client_id: string
    readonly client: string
    readonly scopes: readonly ScopeLine[]
    /** The APIs that its tokens are limited to; empty: no limit. */
    readonly apis: readonly string[]
    /** Seconds since the epoch. */
    readonly since: number
    /** Seconds since its last sign-in or refresh; undefined: it has no valid authorization. */
    readonly usedAgo: number | undefined
    /** Whether the consent page is skipped, and until when. Without `until` it does not expire. */
    readonly consent: { readonly remembered: boolean; readonly until: number | undefined } | undefined
  }[]
  /** The client whose access was just removed. */
  readonly removed: string | undefined
  /** The last client of the page before. */
  readonly after: string | undefined
  /** The URLs of the first page and the next one, if they are other pages. */
  readonly first: string | undefined
  readonly next: string | undefined
}

type Consented = NonNullable<ConsentsPage['consents'][number]['consent']>

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
      const list = new Intl.ListFormat(texts.lang)
      const rememberedText = ({ remembered, until }: Consented): string | undefined =>
        remembered ? (until === undefined ? undefined : consents.until(date(until))) : consents.once
      return {
        form: data.form,
        after: data.after,
        first: data.first,
        next: data.next,
        title: consents.title,
        removed: data.removed === undefined ? undefined : consents.removed(data.removed),
        consents: data.consents.map(({ client_id, client, scopes, apis, since, usedAgo, consent }) => ({
          client_id,
          client,
          scopes: scopes.map(scope => scopeText(scope, texts)),
          apis: apis.length > 0 ? consents.apis(list.format(apis)) : undefined,
          when: [
            consents.since(date(since)),
            usedAgo === undefined ? consents.unused : consents.used(timeAgo(usedAgo, texts.lang)),
            consent && rememberedText(consent),
          ]
            .filter(text => text !== undefined)
            .join(' · '),
        })),
      }
    }),
  profile: (request, data, context = {}) =>
    show(request, 'account-profile', context, texts => {
      const { profile } = texts.account
      const { links } = texts.fields
      const { username, name, email, email_verified, provider, applications, changes, deletion } = data
      const details: readonly ProfileLine[] = [
        { term: profile.username, value: username },
        { term: profile.name, value: name, change: changes?.name, label: links.names },
        {
          term: profile.email,
          value: email,
          change: changes?.email,
          label: links.email,
          tag: email && (email_verified ? profile.verified : profile.unverified),
        },
        { term: profile.provider, value: provider },
      ]
      return {
        title: profile.title,
        applications,
        deletion,
        // Lines without a value are shown if the value can be added.
        details: details.filter(({ value, change }) => value !== undefined || change !== undefined),
      }
    }),
  security: (request, data, context = {}) =>
    show(request, 'account-security', context, ({ account: { security }, passkey, lang }) => ({
      ...data,
      title: security.title,
      lead: data.adding.length > 0 || data.app || data.passkeys.length > 0 ? security.lead : security.none,
      app: data.app && { when: security.added(timeAgo(data.app.addedAgo, lang)) },
      hasFactor: data.app !== undefined || data.passkeys.length > 0,
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
      lead: texts.account.sessionList[data.hasPassword ? 'leadWithPassword' : 'lead'],
      sessions: data.sessions.map(({ seen, ...session }) => ({
        ...session,
        name: nameOf(session, texts),
        seen: texts.account.sessionList.seen(timeAgo(seen.ago, texts.lang)),
        time: new Date(seen.at * 1000).toISOString(),
      })),
    })),
  connections: (request, data, context = {}) =>
    show(request, 'account-connections', context, texts => {
      const dates = new Intl.DateTimeFormat(texts.lang, { dateStyle: 'medium', timeZone: 'UTC' })
      return {
        ...data,
        title: texts.account.connections.title,
        connections: data.connections.map(({ since, ...connection }) => {
          const at = new Date(since * 1000)
          return {
            ...connection,
            time: at.toISOString(),
            since: texts.account.connections.since(dates.format(at)),
          }
        }),
      }
    }),
})

type ProfileLine = {
  readonly term: string
  readonly value: string | undefined
  readonly tag?: string | undefined
  /** The URL for changing it, and the text of the link. */
  readonly change?: string | undefined
  readonly label?: string
}

const nameOf = (
  { browser, system }: Pick<SessionLine, 'browser' | 'system'>,
  { account: { sessionList } }: Texts,
): string =>
  browser !== undefined && system !== undefined
    ? sessionList.browserOn(browser, system)
    : (browser ?? system ?? sessionList.unknown)
