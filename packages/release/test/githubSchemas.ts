/**
 * The parts that we use of two formats of GitHub, so that a misspelt key fails here and not silently there.
 */
const strings = { type: "array", items: { type: "string" }, minItems: 1 }

const closed = (properties: object, required: ReadonlyArray<string>) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false
})

export const dependabot = closed(
  {
    version: { const: 2 },
    updates: {
      type: "array",
      minItems: 1,
      items: closed(
        {
          "package-ecosystem": { enum: ["npm", "github-actions"] },
          directory: { const: "/" },
          schedule: closed({ interval: { enum: ["daily", "weekly", "monthly"] } }, ["interval"]),
          cooldown: closed({ "default-days": { type: "integer", minimum: 1 } }, ["default-days"]),
          "open-pull-requests-limit": { type: "integer", minimum: 1 },
          groups: {
            type: "object",
            additionalProperties: closed(
              {
                patterns: strings,
                "exclude-patterns": strings,
                "dependency-type": { enum: ["development", "production"] },
                "update-types": { type: "array", items: { enum: ["major", "minor", "patch"] } }
              },
              []
            )
          }
        },
        ["package-ecosystem", "directory", "schedule"]
      )
    }
  },
  ["version", "updates"]
)

export const issueForm = closed(
  {
    name: { type: "string", minLength: 1 },
    description: { type: "string", minLength: 1 },
    body: {
      type: "array",
      minItems: 1,
      items: {
        oneOf: [
          closed({ type: { const: "markdown" }, attributes: closed({ value: { type: "string" } }, ["value"]) }, [
            "type",
            "attributes"
          ]),
          closed(
            {
              type: { enum: ["input", "textarea", "dropdown"] },
              id: { type: "string", pattern: "^[a-z]+$" },
              attributes: closed({ label: { type: "string" }, description: { type: "string" }, options: strings }, [
                "label"
              ]),
              validations: closed({ required: { type: "boolean" } }, ["required"])
            },
            ["type", "id", "attributes"]
          )
        ]
      }
    }
  },
  ["name", "description", "body"]
)
