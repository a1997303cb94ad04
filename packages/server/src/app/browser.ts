/**
 * What browsers meet, and what clients and providers ask for now and then: loaded and made with the first request for
 * any of it, since a token server that never shows a page need not hold it.
 */

import type { Endpoint } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { ShowError } from '../http/router.ts'
import type { BrowserEndpoints, ProviderEndpoints } from './browser-endpoints.ts'
import type { PageName } from './page-routes.ts'
import type { Services } from './services.ts'

export type Browser = {
  readonly page: (name: PageName) => Endpoint
  /** Shows an error of the edge as a page. */
  readonly showError: ShowError
  readonly provider: (name: string, what: keyof ProviderEndpoints) => Endpoint
  /** Sends mail that is due. */
  readonly deliverMail: () => Promise<void>
  /** Fulfilled when no mail is under way. */
  readonly mailSettled: () => Promise<void>
}

type Loaded = Pick<Browser, 'showError' | 'deliverMail' | 'mailSettled'> & {
  readonly endpoints: BrowserEndpoints
}

export function createBrowser(configuration: Configuration, services: Services): Browser {
  const { stores, clock } = services
  let loaded: Promise<Loaded> | undefined
  const load = async (): Promise<Loaded> => {
    const [{ composeBrowserServices }, { createBrowserEndpoints }, { createErrorPage }] = await Promise.all([
      import('./browser-services.ts'),
      import('./browser-endpoints.ts'),
      import('./error-pages.ts'),
    ])
    const all = composeBrowserServices(configuration, services)
    const { deliverMail, mailSettled } = all
    return {
      endpoints: createBrowserEndpoints(all),
      showError: createErrorPage(all),
      deliverMail,
      mailSettled,
    }
  }
  const all = (): Promise<Loaded> => {
    loaded ??= load()
    return loaded
  }
  return {
    page: name => async request => (await all()).endpoints[name](request),
    showError: async (request, error) => (await all()).showError(request, error),
    provider: (name, what) => async request => (await all()).endpoints.providers.get(name)![what](request),
    async deliverMail() {
      if (await stores.waitingMails.anyDue(clock.now())) await (await all()).deliverMail()
    },
    mailSettled: async () => (await loaded)?.mailSettled(),
  }
}
