/** The server's front page: what it is and where its metadata lies. */

import type { Endpoint } from '@tessera/protocol/http'
import type { Paths } from '../../interaction/paths.ts'
import type { Pages } from '../../ui/pages.ts'

/** `GET /`. */
export const createHomeEndpoint =
  ({ pages, paths }: { pages: Pages; paths: Paths }): Endpoint =>
  request =>
    pages.home(request, { base: paths('/').slice(0, -1) })
