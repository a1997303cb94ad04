/**
 * Renders templates to HTML. Each template is compiled on first use and escapes every value. Templates in an operator's
 * folder take precedence.
 */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lazily } from '../../runtime/async/promises.ts'
import { readRegularFile } from '../../runtime/regular-file.ts'

/**
 * Renders a template in the layout, or by itself if it is a complete document.
 * @param name of a file in `templates/`, without its ending.
 */
export type Render = (name: string, data: object) => Promise<string>

type TemplateOptions = {
  /** The folder of the operator's templates, with the same names. For missing files, ours are used. */
  readonly folder?: string
  /** Called if an operator's template can't be read, compiled or rendered. Our template is used instead. */
  readonly onBroken?: (file: string, error: unknown) => void
}

type Template = (data: object) => string

const ours = fileURLToPath(new URL('./templates/', import.meta.url))

/** A broken template must not prevent users from signing in. */
export function createTemplates({ folder, onBroken = () => {} }: TemplateOptions = {}): Render {
  const load = lazily(async () => {
    const { Eta } = await import('eta/core')
    const eta = new Eta({ autoEscape: true, autoTrim: [false, 'nl'] })
    const compile = (file: string): Template => {
      const template = eta.compile(textOf(file))
      return data => template.call(eta, data)
    }
    const compiled = new Map<string, Template>()
    const choose = (name: string): Template => {
      const file = join(ours, `${name}.eta`)
      const theirs = folder === undefined ? undefined : join(folder, `${name}.eta`)
      if (theirs === undefined || !existsSync(theirs)) return compile(file)
      let known: Template | undefined
      const instead: Template = data => {
        known ??= compile(file)
        return known(data)
      }
      try {
        return orElse(compile(theirs), instead, error => onBroken(theirs, error))
      } catch (error) {
        onBroken(theirs, error)
        return instead
      }
    }
    return (name: string): Template => {
      const known = compiled.get(name)
      if (known) return known
      const template = choose(name)
      compiled.set(name, template)
      return template
    }
  })

  return async (name, data) => {
    const templateOf = await load()
    if (name === 'mail') return templateOf(name)(data)
    return templateOf('layout')({ ...data, body: templateOf(name)(data) })
  }
}

const orElse =
  (template: Template, fallback: Template, onError: (error: unknown) => void): Template =>
  data => {
    try {
      return template(data)
    } catch (error) {
      onError(error)
      return fallback(data)
    }
  }

function textOf(file: string): string {
  const reading = readRegularFile(file)
  if (!reading.ok) throw new Error(reading.problem)
  return reading.bytes.toString('utf8')
}
