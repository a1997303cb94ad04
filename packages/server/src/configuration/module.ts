/** Reading a configuration that is a module: JavaScript, or TypeScript of erasable syntax only. */

import { createRequire, registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { Read } from './file.ts'

const ownPackages = /^@tessera\/(server|protocol)(\/|$)/
let hooked = false

/** In the address of a module that is read anew: Node keeps each address for ever, with the memory that it takes. */
const editionMark = 'tessera-edition'
let editions = 0

/**
 * A configuration module may lie where `@tessera/server` can't be found (another folder, a mounted volume): its imports
 * of our packages are resolved from here. Also keeps a second copy of the server out of the process. What a module that
 * is read anew imports is read anew too, but for packages.
 */
function resolveImports(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve(specifier, context, next) {
      if (ownPackages.test(specifier)) return next(specifier, { ...context, parentURL: import.meta.url })
      const found = next(specifier, context)
      const edition = editionOf(context.parentURL)
      const kept = edition === null || !found.url.startsWith('file:') || found.url.includes('/node_modules/')
      return kept ? found : { ...found, url: inEdition(found.url, edition) }
    },
  })
}

const editionOf = (url: string | undefined): string | null =>
  url?.startsWith('file:') ? new URL(url).searchParams.get(editionMark) : null

function inEdition(url: string, edition: string): string {
  const marked = new URL(url)
  marked.searchParams.set(editionMark, edition)
  return marked.href
}

/** CommonJS modules are kept by their path, whatever their address. */
function forgetCommonJs(): void {
  const { cache } = createRequire(import.meta.url)
  for (const path of Object.keys(cache)) if (!/[\\/]node_modules[\\/]/.test(path)) delete cache[path]
}

/** Takes the default export or one named `configuration`; a function is called and awaited. */
export async function readModule(absolute: string, file: string, anew: boolean): Promise<Read> {
  resolveImports()
  const { href } = pathToFileURL(absolute)
  if (anew) forgetCommonJs()
  const url = anew ? inEdition(href, String(++editions)) : href
  try {
    const module = (await import(url)) as Record<string, unknown>
    const exported = module.default ?? module.configuration
    if (exported !== undefined) return { ok: true, input: await produce(exported) }
  } catch (error) {
    return {
      ok: false,
      errors: [
        {
          path: file,
          problem: `the module failed: ${error instanceof Error ? error.message : String(error)}`,
          expected: 'a module that can be imported',
          fix:
            placeIn(error, url) ?? 'run it with node to see where; TypeScript must be erasable syntax only',
        },
      ],
    }
  }
  return {
    ok: false,
    errors: [
      {
        path: file,
        problem: 'the module exports no configuration',
        expected: 'a default export, or one named "configuration"',
        fix: 'write: export default defineConfig({ … })',
      },
    ],
  }
}

const produce = async (exported: unknown): Promise<unknown> =>
  typeof exported === 'function' ? await exported() : await exported

/** The line of the module itself in an error's stack. */
function placeIn(error: unknown, url: string): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const at = stack.indexOf(`${url}:`)
  if (at < 0) return undefined
  const [, line] = /:(\d+)(?::\d+)?\)?$/m.exec(stack.slice(at).split('\n')[0]!) ?? []
  return line === undefined ? undefined : `look at line ${line}`
}
