/** Where the browser goes on when the login page is done with it. */

import type { Continuation, Continuations } from './continuation.ts'
import type { Paths } from './page-paths.ts'

/** The address that leads back to what waits for the user. */
export type Resume = (continuation: Continuation) => string

export const createResume = ({
  continuations,
  paths,
}: {
  continuations: Continuations
  paths: Paths
}): Resume => {
  return continuation => {
    switch (continuation.kind) {
      case 'authorization':
        return paths('/connect/authorize/callback', continuations.seal(continuation))
      case 'device':
        return paths('/device', continuations.seal(continuation))
      case 'account':
        return paths(continuation.refused === undefined ? continuation.to : '/')
    }
  }
}
