/** For workerd: runs the suite in the world that the request describes, and responds with its outcomes. */

import { cases, runPortableSuite } from './suite.ts'

export default {
  fetch: async (request: Request): Promise<Response> =>
    Response.json(await runPortableSuite((await request.json()) as never, cases)),
}
