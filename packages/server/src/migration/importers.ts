/** The importers, by the name of the other server. */

import { auth0 } from './auth0/auth0.ts'
import { hydra } from './hydra.ts'
import { identityserver } from './identityserver.ts'
import { keycloak } from './keycloak/keycloak.ts'
import type { Importer } from './migrate.ts'
import { oidcProvider } from './oidc-provider.ts'

const importers = {
  auth0,
  hydra,
  identityserver,
  keycloak,
  'oidc-provider': oidcProvider,
} as const satisfies Readonly<Record<string, Importer>>

export const importerNames: readonly string[] = Object.keys(importers)

export const importerOf = (name: string): Importer | undefined =>
  Object.hasOwn(importers, name) ? importers[name as keyof typeof importers] : undefined
