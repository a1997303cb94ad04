/** For Node, Deno and Bun: runs the suite in the world that the argument describes, and prints its outcomes. */

import { nodeCases } from './node.ts'
import { cases, runPortableSuite } from './suite.ts'

console.log(
  JSON.stringify(await runPortableSuite(JSON.parse(process.argv[2] ?? ''), [...cases, ...nodeCases])),
)
