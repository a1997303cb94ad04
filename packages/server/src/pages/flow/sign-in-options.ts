/** The sign-in options for a request, and which of them is selected without asking (home-realm discovery). */

import { mayUseProvider, servesTenant } from '../../identity/provider-access.ts'
import { type IdentityProvider, localProvider } from '../../model/user.ts'
import type { Continuation } from './continuation.ts'
import type { Requester } from './requester.ts'

/** `password`: entered on our page; `redirect`: the browser is redirected to the provider. */
export type SignInOption = {
  readonly idp: string
  readonly kind: 'password' | 'redirect'
  /** Email domains whose users sign in with this option. */
  readonly domains: readonly string[]
}

export type SignInOptions = {
  /** Returns the options that the client may use and that serve the tenant, this server first. */
  readonly list: (requester: Requester) => readonly SignInOption[]
  /**
   * Returns the option that the client or the user requested, otherwise the only option, otherwise the option for the
   * user's email domain.
   */
  readonly chosen: (
    requester: Requester,
    continuation: Pick<Continuation, 'idp'>,
    username?: string,
  ) => SignInOption | undefined
}

const local: SignInOption = { idp: localProvider, kind: 'password', domains: [] }

export function createSignInOptions({
  identityProviders,
}: {
  identityProviders: ReadonlyMap<string, IdentityProvider>
}): SignInOptions {
  const providers = [...identityProviders.values()].flatMap(provider => {
    const option = optionOf(provider)
    return option ? [{ provider, option }] : []
  })

  const list: SignInOptions['list'] = ({ client, tenant }) => [
    ...(mayUseProvider(client, localProvider) ? [local] : []),
    ...providers
      .filter(({ provider }) => mayUseProvider(client, provider.name) && servesTenant(provider, tenant))
      .map(({ option }) => option),
  ]

  return {
    list,
    chosen(requester, { idp }, username) {
      const options = list(requester)
      const asked = options.find(option => option.idp === (requester.idp ?? idp))
      if (asked || requester.idp !== undefined) return asked
      return options.length === 1 ? options[0] : optionOfDomain(options, username)
    },
  }
}

function optionOf({
  name: idp,
  domains,
  upstream,
  credentialAuthority,
}: IdentityProvider): SignInOption | undefined {
  if (credentialAuthority) return { idp, kind: 'password', domains }
  return upstream && { idp, kind: 'redirect', domains }
}

function optionOfDomain(
  options: readonly SignInOption[],
  username: string | undefined,
): SignInOption | undefined {
  const at = username?.lastIndexOf('@') ?? -1
  if (username === undefined || at < 1) return undefined
  const domain = username.slice(at + 1).toLowerCase()
  return options.find(option => option.domains.includes(domain))
}
