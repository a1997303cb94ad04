/**
 * Runs MCP's conformance program with each list of arguments in the first argument (JSON), one after the other, in one
 * process: loading its libraries costs more than most runs. Prints the outputs, a JSON string on each line.
 */

import { format } from 'node:util'

const program = import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js')
const print = console.log
const { argv, exit } = process

/** Thrown where the program would exit, so that it does nothing afterwards. It reports that as an error, and exits again. */
const exited = new Error('the program has exited')
process.on('unhandledRejection', error => {
  if (error === exited) return
  console.error(error)
  exit(1)
})

for (const [index, words] of JSON.parse(argv[2]).entries()) {
  const { promise: ended, resolve } = Promise.withResolvers()
  let output = ''
  for (const method of ['log', 'error'])
    console[method] = (...values) => {
      output += `${format(...values)}\n`
    }
  const end = () => resolve(output)
  process.once('beforeExit', end)
  process.exit = () => {
    end()
    throw exited
  }
  process.argv = [...argv.slice(0, 2), ...words]
  // With the query, this module is evaluated again, but those that it imports are not.
  await import(`${program}?${index}`)
  print(JSON.stringify(await ended))
  process.off('beforeExit', end)
}
exit(0)
