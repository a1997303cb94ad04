/** Programs that use the client library, bundled and minified as an application would be. */

import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))

export type Bundle = {
  readonly text: string
  /** Bytes after compression with gzip. */
  readonly size: number
  /** The files with code in the bundle, from `packages`, in alphabetical order. */
  readonly files: readonly string[]
}

export type BundleOptions = {
  /** The folder that imports are resolved from; the default is the repository, with its sources. */
  readonly folder?: string
  readonly format?: 'esm' | 'iife'
}

/** Bundles a module that is given as text. Modules of Node and packages of other authors are left out. */
export async function bundle(
  program: string,
  { folder = root, format = 'esm' }: BundleOptions = {},
): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: folder, loader: 'ts' },
    absWorkingDir: folder,
    conditions: folder === root ? ['tessera-source'] : [],
    ...{
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      format,
      platform: 'neutral',
      target: 'es2022',
    },
    ...{ external: ['node:*'], logLevel: 'silent' },
    tsconfigRaw: '{}',
  })
  const [output] = outputFiles
  if (!output) throw new Error('esbuild wrote nothing')
  const inputs = Object.values(metafile.outputs).flatMap(one => Object.entries(one.inputs))
  return {
    text: output.text,
    size: gzipSync(output.contents, { level: 9 }).byteLength,
    files: inputs
      .filter(([file, { bytesInOutput }]) => bytesInOutput > 0 && file !== '<stdin>')
      .map(([file]) => file.replace(/^packages\//, ''))
      .toSorted(),
  }
}
