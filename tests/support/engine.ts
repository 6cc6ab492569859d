import { enginePrograms, howToGetEngine } from '../../scripts/test-engine.ts'
import { has } from './needs.ts'

export { builder, busybox, startEngine, type TestEngine } from '../../scripts/test-engine.ts'

/** Whether this machine has what a container engine of one's own is made of. */
export const hasEngine = () => enginePrograms.every((program) => has(program, howToGetEngine))
