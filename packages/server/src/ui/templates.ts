/** Templates to HTML, each compiled once, the first time it is needed; every value is escaped. An operator's folder goes before ours. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export type TemplateName =
  | 'layout'
  | 'home'
  | 'leaving'
  | 'login'
  | 'select-account'
  | 'consent'
  | 'device'
  | 'device-confirm'
  | 'federation-problem'
  | 'form-post'
  | 'message'
  | 'sign-out'
  | 'signed-out'
  | 'account-profile'
  | 'account-connections'
  | 'account-sessions'
  | 'account-security'
  | 'second-factor'
  | 'enrolment'
  | 'recovery-codes'

/** Renders a template within the layout. */
export type Render = (name: TemplateName, data: object) => Promise<string>

const ours = fileURLToPath(new URL('./templates/', import.meta.url))

/** @param folder where an operator keeps templates of the same names; those that are missing there are ours. */
export function createTemplates({ folder }: { folder?: string } = {}): Render {
  let loaded: Promise<(name: TemplateName, data: object) => string> | undefined

  const load = async () => {
    const { Eta } = await import('eta/core')
    const eta = new Eta({ autoEscape: true, autoTrim: [false, 'nl'] })
    const known = new Set<TemplateName>()
    return (name: TemplateName, data: object): string => {
      if (!known.has(name)) {
        eta.loadTemplate(`@${name}`, readTemplate(name, folder))
        known.add(name)
      }
      return eta.render(`@${name}`, data)
    }
  }

  return async (name, data) => {
    loaded ??= load()
    const render = await loaded
    return render('layout', { ...data, body: render(name, data) })
  }
}

function readTemplate(name: TemplateName, folder: string | undefined): string {
  const file = `${name}.eta`
  const theirs = folder !== undefined && existsSync(join(folder, file)) ? folder : ours
  return readFileSync(join(theirs, file), 'utf8')
}
