/**
 * Preloaded into each process of a test run, and into those that it starts: loads the repository's modules from two
 * files that `ready-modules.ts` wrote. Otherwise each process looks for hundreds of files, for the `package.json` of each,
 * and removes their types, which is a quarter of the CPU time of a server's start.
 */

const { readFileSync } = require('node:fs')
const { registerHooks } = require('node:module')
const { join } = require('node:path')

/** The arguments of `subarray` for the text of each module, by its URL. */
const places = JSON.parse(readFileSync(join(__dirname, 'modules.json'), 'utf8'))
const texts = readFileSync(join(__dirname, 'modules.js'))

// Old versions of Node, which some tests start, lack it.
registerHooks?.({
  resolve(specifier, context, next) {
    if (!specifier.startsWith('.') || !specifier.endsWith('.ts') || context.parentURL === undefined)
      return next(specifier, context)
    const url = new URL(specifier, context.parentURL).href
    return { url, format: url in places ? 'module' : 'module-typescript', shortCircuit: true }
  },
  load(url, context, next) {
    const place = places[url]
    if (place === undefined) return next(url, context)
    return { format: 'module', source: texts.subarray(...place), shortCircuit: true }
  },
})
