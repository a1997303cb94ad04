/**
 * Preloaded into each process of a test run, and into those that it starts: loads the repository's modules from two
 * files that `ready-modules.ts` wrote. Otherwise each process looks for hundreds of files, for the `package.json` of each,
 * and removes their types, which is a quarter of the CPU time of a server's start.
 */

const { readFileSync } = require('node:fs')
const { registerHooks } = require('node:module')
const { join } = require('node:path')

/**
 * `places`: the arguments of `subarray` for the text of each module, by its URL. `packages`: the URL of each specifier
 * that a package of the repository exports. Read when they are needed, because some processes load no such module.
 */
let index
let texts
const read = name => readFileSync(join(__dirname, name))
const ready = () => (index ??= JSON.parse(read('modules.json')))

const isRelative = specifier => specifier.startsWith('./') || specifier.startsWith('../')

/** Joins them as `new URL` would, at a tenth of its time: a start has thousands of imports. */
function urlOf(specifier, parent) {
  let folder = parent.slice(0, parent.lastIndexOf('/'))
  let path = specifier.startsWith('./') ? specifier.slice(2) : specifier
  while (path.startsWith('../')) {
    path = path.slice(3)
    folder = folder.slice(0, folder.lastIndexOf('/'))
  }
  return `${folder}/${path}`
}

// Old versions of Node, which some tests start, lack it.
registerHooks?.({
  resolve(specifier, context, next) {
    const { parentURL } = context
    if (parentURL === undefined) return next(specifier, context)
    if (specifier.endsWith('.ts') && isRelative(specifier)) {
      const url = urlOf(specifier, parentURL)
      return { url, format: url in ready().places ? 'module' : 'module-typescript', shortCircuit: true }
    }
    // Node would parse a URL for each import of a module of its own, and search each package again for each import.
    if (!(parentURL in ready().places)) return next(specifier, context)
    if (specifier.startsWith('node:')) return { url: specifier, format: 'builtin', shortCircuit: true }
    const url = context.conditions.includes('tessera-source') ? ready().packages[specifier] : undefined
    return url === undefined ? next(specifier, context) : { url, format: 'module', shortCircuit: true }
  },
  load(url, context, next) {
    if (!url.endsWith('.ts')) return next(url, context)
    const place = ready().places[url]
    if (place === undefined) return next(url, context)
    texts ??= read('modules.js')
    return { format: 'module', source: texts.subarray(...place), shortCircuit: true }
  },
})
