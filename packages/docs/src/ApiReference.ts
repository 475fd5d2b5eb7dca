/**
 * The reference of core's modules, made from its comments.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Application, Comment, Converter, type DeclarationReflection, Logger, LogLevel, ReflectionKind } from "typedoc"
import { root } from "./workspace.ts"

/** Writes the reference as HTML into a directory; resolves with everything that is wrong with the comments. */
export const generate = async (directory: string): Promise<ReadonlyArray<string>> => {
  const app = await Application.bootstrap({
    name: "@hb-sessions/core",
    entryPoints: [join(root, "packages/core/src/*.ts")],
    tsconfig: join(root, "packages/core/tsconfig.json"),
    readme: "none",
    // What a schema inherits from Effect is documented there.
    excludeExternals: true,
    disableSources: true,
    hideGenerator: true,
    cleanOutputDir: true,
    validation: {
      invalidLink: true,
      notDocumented: true,
      notExported: true,
      rewrittenLink: true,
      unusedMergeModuleWith: true
    },
    requiredToBeDocumented: ["Module", "Variable", "Function", "Class", "Interface", "TypeAlias", "Enum"],
    intentionallyNotExported: ["types", "Sketch"]
  })
  const logger = new Problems()
  app.logger = logger
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (reflection.kindOf(ReflectionKind.Module))
      documentModule(
        reflection,
        context.getSymbolFromReflection(reflection)?.valueDeclaration?.getSourceFile().fileName
      )
  })
  const project = await app.convert()
  if (project !== undefined) {
    app.validate(project)
    await app.generateDocs(project, directory)
  }
  return logger.problems
}

class Problems extends Logger {
  readonly problems: Array<string> = []

  override log(message: string, level: LogLevel): void {
    super.log(message, level)
    if (level >= LogLevel.Warn) this.problems.push(message)
  }
}

/** The first comment of a file is about the file; typedoc asks for a tag that says so. */
const documentModule = (module: DeclarationReflection, file: string | undefined): void => {
  const text = file === undefined ? undefined : /^\/\*\*\n([^]*?)\n \*\//.exec(readFileSync(file, "utf8"))?.[1]
  if (text === undefined) return
  module.comment = new Comment([{ kind: "text", text: text.replaceAll(/^ \* ?/gm, "") }])
}
