/** How long the processes of a server may take to stop. The files in `deploy/` allow `drain_delay` and 20 s. */

import type { Seconds } from '@tessera/protocol/brand'

/** Requests in progress get 10 s of it, and deliveries 5 s. The rest is for the store. */
export const closeLimit: Seconds = 16

/** Beyond {@link closeLimit}: for the last lines of the log, and for the end of the process. */
const margin: Seconds = 3

/** Returns the milliseconds after which the primary kills a worker that was asked to stop. */
export const stopLimit = ({ drainDelay }: { readonly drainDelay: Seconds }): number =>
  (drainDelay + closeLimit + margin) * 1000
