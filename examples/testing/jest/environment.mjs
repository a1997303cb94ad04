/** Starts an identity provider and the application for each test file, outside of Jest's module system. */

import { startTestServer } from '@tessera/server/testing'
import { TestEnvironment } from 'jest-environment-node'
import { startApp } from '../app.js'
import { provider } from '../provider.js'

export default class extends TestEnvironment {
  async setup() {
    await super.setup()
    this.global.idp = await startTestServer(provider)
    this.global.app = await startApp({ issuer: this.global.idp.issuer })
  }

  async teardown() {
    await this.global.app.close()
    await this.global.idp.close()
    await super.teardown()
  }
}
