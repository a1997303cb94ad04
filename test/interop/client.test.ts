/**
 * `@tessera/client` at servers of different authors: Tessera, oidc-provider (certified) and better-auth. The same
 * scenarios run at each. Where a server lacks a feature, its metadata must be enough to tell.
 */

import { after, before, describe, test } from 'node:test'
import { apiScenarios } from './scenarios/apis.ts'
import { keyScenarios, requestScenarios } from './scenarios/requests.ts'
import { signInScenarios } from './scenarios/sign-in.ts'
import { startBetterAuth } from './servers/better-auth.ts'
import { startOidcProvider } from './servers/oidc-provider.ts'
import type { InteropServer } from './servers/server.ts'
import { startTessera } from './servers/tessera.ts'

const servers = { Tessera: startTessera, 'oidc-provider': startOidcProvider, 'better-auth': startBetterAuth }
const scenarios = { ...requestScenarios, ...signInScenarios, ...apiScenarios, ...keyScenarios }

for (const [name, start] of Object.entries(servers))
  describe(`@tessera/client at ${name}`, () => {
    let server: InteropServer
    before(
      async () => {
        server = await start()
      },
      { timeout: 60_000 },
    )
    after(() => server?.close())

    for (const [title, run] of Object.entries(scenarios)) test(`${name}: ${title}`, () => run(server))
  })
