/** The ways to sign in for a request, and which of them is taken without asking (home-realm discovery). */

import { mayUseProvider, servesTenant } from '../../identity/provider-access.ts'
import { type IdentityProvider, localProvider } from '../../model/user.ts'
import type { Continuation } from './continuation.ts'
import type { Requester } from './requester.ts'

/** `password`: typed on our page; `redirect`: the browser is sent there. */
export type Way = {
  readonly idp: string
  readonly kind: 'password' | 'redirect'
  /** E-mail domains whose users go this way. */
  readonly domains: readonly string[]
}

export type Ways = {
  /** All that the client may use and that serve the tenant, this server first. */
  readonly all: (requester: Requester) => readonly Way[]
  /** The way that is taken: what the client or the user asked for, else the only one, else that of the user's e-mail domain. */
  readonly taken: (
    requester: Requester,
    continuation: Pick<Continuation, 'idp'>,
    username?: string,
  ) => Way | undefined
}

const here: Way = { idp: localProvider, kind: 'password', domains: [] }

export function createWays({
  identityProviders,
}: {
  identityProviders: ReadonlyMap<string, IdentityProvider>
}): Ways {
  const providers = [...identityProviders.values()].flatMap(provider => {
    const way = wayOf(provider)
    return way ? [{ provider, way }] : []
  })

  const all: Ways['all'] = ({ client, tenant }) => [
    ...(mayUseProvider(client, localProvider) ? [here] : []),
    ...providers
      .filter(({ provider }) => mayUseProvider(client, provider.name) && servesTenant(provider, tenant))
      .map(({ way }) => way),
  ]

  return {
    all,
    taken(requester, { idp }, username) {
      const ways = all(requester)
      const asked = ways.find(way => way.idp === (requester.idp ?? idp))
      if (asked || requester.idp !== undefined) return asked
      return ways.length === 1 ? ways[0] : wayOfDomain(ways, username)
    },
  }
}

function wayOf({ name: idp, domains, upstream, credentialAuthority }: IdentityProvider): Way | undefined {
  if (credentialAuthority) return { idp, kind: 'password', domains }
  return upstream && { idp, kind: 'redirect', domains }
}

function wayOfDomain(ways: readonly Way[], username: string | undefined): Way | undefined {
  const at = username?.lastIndexOf('@') ?? -1
  if (username === undefined || at < 1) return undefined
  const domain = username.slice(at + 1).toLowerCase()
  return ways.find(way => way.domains.includes(domain))
}
