# nbgrader's settings for this course: copy it to your class's folder as nbgrader_config.py (docs/INSTRUCTORS.md).
c = get_config()  # noqa: F821 (nbgrader defines it)

c.CourseDirectory.course_id = "usft"
# The course's own markers, BEGIN SOLUTION and END SOLUTION, are nbgrader's, too. What stands there instead:
c.ClearSolutions.code_stub = {"python": 'raise usft.Todo("write the lines that are missing")'}
c.ExecutePreprocessor.timeout = 600  # seconds a cell; lessons that train take one minute in all
