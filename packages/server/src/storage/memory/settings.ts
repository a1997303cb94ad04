/** Settings in memory. */

import type { Settings } from '../../model/ports/stores.ts'
import type { Tables } from './tables.ts'

export const createSettings = ({ settings }: Tables): Settings => ({
  get: name => settings.get(name),
  async initialise(name, value) {
    if (!settings.has(name)) settings.set(name, value)
    return settings.get(name) ?? value
  },
  async put(name, value) {
    settings.set(name, value)
  },
})
