/** The pages that a person sees while signing in at an application or out, as they look. */

import { testPages } from './examine-pages.ts'
import { signInPages } from './page-cases.ts'

testPages(signInPages)
