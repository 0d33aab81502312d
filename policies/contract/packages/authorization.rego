# METADATA
# title: What rules of the authorization decision read
# description: For tools of others. The server has its own, and reads nothing in this folder.
# scope: subpackages
# schemas:
#   - input: schema.authorization
#   - data.ostiary.config: schema.config
package ostiary.authorization
