/** For browsers: a global function that runs the suite. */

import type { PortableWorld } from './case.ts'
import { browserCases, runPortableSuite } from './suite.ts'

Object.assign(globalThis, {
  runPortableSuite: (world: PortableWorld) => runPortableSuite(world, browserCases),
})
