/**
 * Creates an issuer's pages on the first request for one of them, so that a server without page requests does not load
 * them.
 */

import type { Endpoint } from '@tessera/protocol/http'
import type { Configuration } from '../configuration/configuration.ts'
import type { ShowError } from '../http/router.ts'
import type { PageRouteName, ProviderRouteName } from '../model/routes.ts'
import { lazily, singleFlight } from '../runtime/async/promises.ts'
import type { PageEndpoints } from './page-endpoints.ts'
import type { Services } from './services.ts'

export type LazyPages = {
  readonly page: (name: PageRouteName) => Endpoint
  readonly provider: (name: string, route: ProviderRouteName) => Endpoint
  /** Shows an error of the edge as a page. */
  readonly showError: ShowError
  /** Sends emails that are due. */
  readonly deliverMail: () => Promise<void>
  /** Resolves when no email is being sent. */
  readonly mailSettled: () => Promise<void>
  /** Sends due emails for a few seconds. The rest remain in the store. */
  readonly closeMail: () => Promise<void>
}

type Loaded = Pick<LazyPages, 'showError' | 'deliverMail' | 'mailSettled' | 'closeMail'> & {
  readonly endpoints: PageEndpoints
}

/**
 * Loads the code of the pages. A server calls this before it listens: on a busy machine, loading blocks the event loop for
 * seconds, and requests that arrive meanwhile would be refused.
 */
export const loadPageCode = () =>
  Promise.all([import('./page-services.ts'), import('./page-endpoints.ts'), import('./error-pages.ts')])

export function createLazyPages(configuration: Configuration, services: Services): LazyPages {
  const { stores, clock } = services.context
  const all = lazily(async (): Promise<Loaded> => {
    const [{ createPageServices }, { createPageEndpoints }, { createErrorPage }] = await loadPageCode()
    const page = createPageServices(configuration, services)
    const { pages, paths } = page.view
    return {
      endpoints: createPageEndpoints(configuration, page),
      showError: createErrorPage({ pages, paths }),
      deliverMail: page.mail.deliver,
      mailSettled: page.mail.settled,
      closeMail: page.mail.close,
    }
  })
  const isAnyDue = singleFlight(async () => stores.waitingMails.anyDue(clock.now()))
  let closed = false
  /** The stores close afterwards, so the query must have ended. Its caller logs a failure. */
  const queried = async (): Promise<void> => {
    await isAnyDue.current()?.catch(() => {})
  }
  /** Resolves to nothing if loading failed; the request that needed it has logged why. */
  const loaded = async (): Promise<Loaded | undefined> => all.begun()?.catch(() => undefined)
  return {
    page: name => async request => (await all()).endpoints[name](request),
    provider: (name, route) => async request => (await all()).endpoints.providers.get(name)![route](request),
    showError: async (request, error) => (await all()).showError(request, error),
    async deliverMail() {
      if (!closed && (await isAnyDue()) && !closed) await (await all()).deliverMail()
    },
    async mailSettled() {
      await queried()
      await (await loaded())?.mailSettled()
    },
    async closeMail() {
      closed = true
      await queried()
      await (await loaded())?.closeMail()
    },
  }
}
