/** Other identity providers: who their users are here, and the passwords that directories check. */

import type { Configuration } from '../configuration/configuration.ts'
import type { DirectoryPorts, DirectoryProvider } from '../identity/directory/authority.ts'
import { createSubjectResolver } from '../identity/external-identity.ts'
import type { CredentialAuthority, IdentityProvider, Users } from '../model/user.ts'
import type { Foundation } from './issuer-context.ts'

/** Who the users of other providers are here. */
export const composeSubjects = (
  { federation }: Pick<Configuration, 'federation'>,
  { stores, ...ports }: Foundation & { users: Users },
) =>
  createSubjectResolver({
    ...ports,
    links: stores.identityLinks,
    ...(federation.subject && { decideSubject: federation.subject }),
  })

/** The providers, directories with what checks their passwords. */
export const composeProviders = (
  { identityProviders }: Pick<Configuration, 'identityProviders'>,
  ports: DirectoryPorts,
): ReadonlyMap<string, IdentityProvider> =>
  new Map(
    [...identityProviders].map(([name, provider]) => {
      const { directory } = provider
      if (!directory) return [name, provider]
      return [
        name,
        { ...provider, credentialAuthority: directoryAuthority({ ...provider, directory }, ports) },
      ]
    }),
  )

/** Loaded with the first password that a directory shall check. */
function directoryAuthority(provider: DirectoryProvider, ports: DirectoryPorts): CredentialAuthority {
  let loaded: Promise<CredentialAuthority> | undefined
  return {
    async check(request) {
      loaded ??= import('../identity/directory/authority.ts').then(({ createDirectoryAuthority }) =>
        createDirectoryAuthority(provider, ports),
      )
      return (await loaded).check(request)
    },
  }
}
