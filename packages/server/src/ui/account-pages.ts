/** The account pages: what a signed-in user sees of themself. */

import type { Page, Show } from './show.ts'

export type ProfilePage = {
  readonly username?: string
  readonly name?: string
  readonly email?: string
  readonly email_verified?: boolean
  /** The provider that knows the user; undefined: this server. */
  readonly provider?: string
}

export type AccountPages = {
  readonly profile: Page<ProfilePage>
}

export const createAccountPages = (show: Show): AccountPages => ({
  profile: (request, data, context = {}) =>
    show(request, 'account-profile', context, texts => {
      const { account } = texts
      const { username, name, email, email_verified, provider } = data
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
        details: shown.filter(([, value]) => value !== undefined),
      }
    }),
})
