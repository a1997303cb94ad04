/** Types of the configuration that all tests share. */

import type { TestServerOptions } from '@tessera/server/testing'

export declare const provider: TestServerOptions
