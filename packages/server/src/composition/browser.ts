/**
 * What browsers meet, and what clients and providers ask for now and then: loaded and made with the first request for
 * any of it, since a token server that never shows a page need not hold it.
 */

import type { Endpoint } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { BrowserEndpoints, ProviderEndpoints } from './browser-endpoints.ts'
import type { PageName } from './page-routes.ts'
import type { Services } from './services.ts'

export type Browser = {
  readonly page: (name: PageName) => Endpoint
  readonly provider: (name: string, what: keyof ProviderEndpoints) => Endpoint
  /** Fulfilled when no mail is under way. */
  readonly mailSettled: () => Promise<void>
}

export function createBrowser(configuration: Configuration, services: Services): Browser {
  let loaded:
    | Promise<{ readonly endpoints: BrowserEndpoints; readonly mailSettled: () => Promise<void> }>
    | undefined
  const load = async () => {
    const [{ composeBrowserServices }, { createBrowserEndpoints }] = await Promise.all([
      import('./browser-services.ts'),
      import('./browser-endpoints.ts'),
    ])
    const all = composeBrowserServices(configuration, services)
    return { endpoints: createBrowserEndpoints(all), mailSettled: all.mailSettled }
  }
  const endpoints = async (): Promise<BrowserEndpoints> => {
    loaded ??= load()
    return (await loaded).endpoints
  }
  return {
    page: name => async request => (await endpoints())[name](request),
    provider: (name, what) => async request => (await endpoints()).providers.get(name)![what](request),
    mailSettled: async () => (await loaded)?.mailSettled(),
  }
}
