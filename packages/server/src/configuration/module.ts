/** Reading a configuration that is a module: JavaScript, or TypeScript of erasable syntax only. */

import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { Read } from './file.ts'

const ownPackages = /^@tessera\/(server|protocol)(\/|$)/
let hooked = false

/**
 * A configuration module may lie where `@tessera/server` can't be found (another folder, a mounted volume): its imports
 * of our packages are resolved from here. Also keeps a second copy of the server out of the process.
 */
function resolveOwnPackages(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve: (specifier, context, next) =>
      ownPackages.test(specifier)
        ? next(specifier, { ...context, parentURL: import.meta.url })
        : next(specifier, context),
  })
}

/** Takes the default export or one named `configuration`; a function is called and awaited. */
export async function readModule(absolute: string, file: string): Promise<Read> {
  resolveOwnPackages()
  try {
    const module = (await import(pathToFileURL(absolute).href)) as Record<string, unknown>
    const exported = module.default ?? module.configuration
    if (exported !== undefined) return { ok: true, input: await produce(exported) }
  } catch (error) {
    return {
      ok: false,
      faults: [
        {
          path: file,
          problem: `the module failed: ${error instanceof Error ? error.message : String(error)}`,
          expected: 'a module that can be imported',
          fix:
            placeIn(error, absolute) ??
            'run it with node to see where; TypeScript must be erasable syntax only',
        },
      ],
    }
  }
  return {
    ok: false,
    faults: [
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
function placeIn(error: unknown, absolute: string): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const at = stack.indexOf(`${pathToFileURL(absolute).href}:`)
  if (at < 0) return undefined
  const [, line] = /:(\d+)(?::\d+)?\)?$/m.exec(stack.slice(at).split('\n')[0]!) ?? []
  return line === undefined ? undefined : `look at line ${line}`
}
