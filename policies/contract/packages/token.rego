# METADATA
# title: What rules of the token decision read
# description: For tools of others. The server has its own, and reads nothing in this folder.
# scope: subpackages
# schemas:
#   - input: schema.token
#   - data.ostiary.config: schema.config
package ostiary.token
